"""Tables, charts, pages, moving clips and pictures: numbers and arrays in, text and bytes out."""
