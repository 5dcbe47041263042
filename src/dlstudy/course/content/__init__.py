"""What the course holds: lessons, exercises, questions, and how they are found."""
