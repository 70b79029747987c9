//! Pictures become portraits, documents give their text, within bounds of time and memory.
