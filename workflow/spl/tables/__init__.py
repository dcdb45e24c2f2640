"""The paper's tables; tables of one form share one builder."""
