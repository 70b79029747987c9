//! How often anybody may ask, counted.
