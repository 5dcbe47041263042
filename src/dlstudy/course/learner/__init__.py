"""The learner's own folder, and what they have done."""
