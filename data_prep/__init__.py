"""Video files -> clips -> a data set with splits and a card. `python -m data_prep --help`."""
