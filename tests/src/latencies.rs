//! Times of many requests, for programs that print numbers.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{answer::Answer, person::Person};

/// How long each of many requests took, shortest first.
#[derive(Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Of these.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Of `GET`s, one after the other, of the addresses that `path` gives by number. Checks that each is a 200.
    pub async fn of_gets(person: &Person, count: usize, path: impl Fn(usize) -> String) -> Self {
        let mut times = Vec::with_capacity(count);
        for n in 0..count {
            let request = person.request(reqwest::Method::GET, &path(n));
            let began = Instant::now();
            let answer = Answer::of(request).await;
            times.push(began.elapsed());
            answer.is(200);
        }
        Self::of(times)
    }

    /// In milliseconds, at a part in a thousand: 500 is the median.
    pub fn at(&self, part: usize) -> f64 {
        let place = (self.0.len() * part / 1000).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(f64::NAN, Duration::as_secs_f64) * 1000.0
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:8.2} ms   p99 {:8.2} ms", self.at(500), self.at(990))
    }
}
