//! Whether an RA/CA can be reached: a circuit breaker.

use core::time::Duration;

use asn1::UnixTime;

/// That many exchanges must fail one after another before nothing more is sent.
const THRESHOLD: u32 = 3;

/// How an RA/CA does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // the three states of a circuit breaker
pub enum Health {
    /// It answers.
    Up,
    /// It does not answer, and is left alone.
    Down {
        /// Until when.
        until: UnixTime,
    },
    /// It is asked whether it answers again.
    Probed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Breaker {
    health: Health,
    failures: u32,
    /// Since when it does not answer.
    down_since: Option<UnixTime>,
}

impl Breaker {
    pub(crate) const fn new() -> Self {
        Self { health: Health::Up, failures: 0, down_since: None }
    }

    pub(crate) const fn health(&self) -> Health {
        self.health
    }

    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.health, Health::Up)
    }

    /// Since when it does not answer, if so.
    pub(crate) const fn down_since(&self) -> Option<UnixTime> {
        self.down_since
    }

    /// Whether it was down until now.
    pub(crate) const fn succeeded(&mut self) -> bool {
        let recovered = !self.is_up();
        *self = Self::new();
        recovered
    }

    /// Until when nothing is sent, if that begins now. The pause doubles from `first` to `last`; `random` takes up to half of it
    /// away, so that several NEMs do not come back all at once.
    pub(crate) fn failed(
        &mut self,
        now: UnixTime,
        (first, last): (Duration, Duration),
        random: [u8; 2],
    ) -> Option<UnixTime> {
        // What was under way when it went down tells nothing new.
        if matches!(self.health, Health::Down { .. }) {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        let steps = self.failures.checked_sub(THRESHOLD)?;
        let pause = first.saturating_mul(1_u32.checked_shl(steps).unwrap_or(u32::MAX)).min(last);
        let part = u32::from(u16::from_be_bytes(random));
        let pause = pause.saturating_sub((pause / 2).saturating_mul(part) / u32::from(u16::MAX));
        let until = now.saturating_add(pause);
        self.health = Health::Down { until };
        self.down_since.get_or_insert(now);
        Some(until)
    }

    /// Perhaps something was mended: it is asked at once, and counts as down until it answers. The pauses begin anew.
    pub(crate) fn ask_anew(&mut self, now: UnixTime) {
        if self.is_up() {
            self.failures = 0;
        } else {
            self.failures = THRESHOLD.saturating_sub(1);
            self.health = Health::Down { until: now };
        }
    }

    /// Whether it is time to ask; if so, it is being asked from now on.
    pub(crate) fn probe(&mut self, now: UnixTime) -> bool {
        let due = matches!(self.health, Health::Down { until } if until <= now);
        if due {
            self.health = Health::Probed;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LAST: Duration = Duration::from_secs(60);
    const NOW: UnixTime = UnixTime::from_secs(1_000);

    fn down(breaker: &mut Breaker, random: [u8; 2]) -> Duration {
        breaker.failed(NOW, (FIRST, LAST), random).unwrap().abs_diff(NOW)
    }

    #[test]
    fn three_failures_open_it_and_a_success_closes_it() {
        let mut breaker = Breaker::new();
        for _ in 0..2 {
            assert_eq!(breaker.failed(NOW, (FIRST, LAST), [0, 0]), None);
            assert!(breaker.is_up());
        }
        assert!(!breaker.succeeded());
        for _ in 0..2 {
            assert_eq!(breaker.failed(NOW, (FIRST, LAST), [0, 0]), None);
        }
        assert_eq!(breaker.down_since(), None);
        assert_eq!(down(&mut breaker, [0, 0]), FIRST);
        assert_eq!(breaker.down_since(), Some(NOW));
        assert!(!breaker.probe(NOW));
        assert!(breaker.probe(NOW.saturating_add(FIRST)));
        assert_eq!(breaker.health(), Health::Probed);
        assert!(!breaker.probe(NOW.saturating_add(FIRST)));
        breaker.failed(NOW.saturating_add(LAST), (FIRST, LAST), [0, 0]);
        assert_eq!(breaker.down_since(), Some(NOW), "one that is not over begins no other");
        assert!(breaker.succeeded());
        assert!(breaker.is_up());
        assert_eq!(breaker.down_since(), None);
    }

    #[test]
    fn what_is_down_is_asked_anew_and_stays_down_until_it_answers() {
        let mut breaker = Breaker::new();
        breaker.ask_anew(NOW);
        assert!(breaker.is_up());
        for _ in 0..5 {
            breaker.failed(NOW, (FIRST, LAST), [0, 0]);
            breaker.probe(NOW.saturating_add(LAST));
        }
        breaker.ask_anew(NOW);
        assert_eq!((breaker.is_up(), breaker.down_since()), (false, Some(NOW)));
        assert!(breaker.probe(NOW));
        assert_eq!(down(&mut breaker, [0, 0]), FIRST);
    }

    #[test]
    fn the_pause_doubles_up_to_a_limit_and_chance_shortens_it() {
        let mut breaker = Breaker::new();
        for _ in 0..2 {
            breaker.failed(NOW, (FIRST, LAST), [0, 0]);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(down(&mut breaker, [0, 0]), Duration::from_secs(seconds));
            // Late failures of what was under way do not count.
            assert_eq!(breaker.failed(NOW, (FIRST, LAST), [0, 0]), None);
            assert!(breaker.probe(NOW.saturating_add(LAST)));
        }
        let pause = down(&mut breaker, [0xff, 0xff]);
        assert_eq!(pause, LAST / 2);
    }
}
