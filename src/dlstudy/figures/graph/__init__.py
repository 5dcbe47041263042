"""The graph explorer, which lessons 01 and 03 share: expressions, their graphs, and backward passes step by step."""
