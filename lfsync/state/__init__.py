"""What is kept between runs: state, journal, history, lock."""
