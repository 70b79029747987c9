//! One function for each thing a person can do: opens units of work, asks policy, calls ports.
