"""Using a trained model: one file that holds it, an encoder, a decoder, a tokenizer."""
