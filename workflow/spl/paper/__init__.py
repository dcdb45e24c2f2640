"""What the paper consists of, and the page that holds it all."""
