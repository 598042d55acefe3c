"""What each part of MVC gives: its paper's table III at a reduced budget, and both ways of the losses in doubt."""
