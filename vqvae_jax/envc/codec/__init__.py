"""ENVC's part of a coded file: latents of a group of pictures as one stream, checked against the decoder's pictures."""
