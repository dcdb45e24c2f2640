"""What contradicts itself among results: one file for each kind of job, which reads no more than that job wrote."""
