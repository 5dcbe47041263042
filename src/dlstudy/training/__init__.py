"""Training beyond a plain loop: fine-tuning, and from lesson 11 on the trainer."""
