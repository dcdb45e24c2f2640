"""The paper's figures, one module each: ``draw`` returns the picture and the numbers it shows."""
