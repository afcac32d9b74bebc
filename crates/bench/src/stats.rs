//! Several samples of one figure: what is said of them is the median and the spread.

/// What was measured, several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one; what is no number is left out.
    pub fn push(&mut self, sample: f64) {
        if sample.is_finite() {
            self.0.push(sample);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of measuring.
    pub fn all(&self) -> &[f64] {
        &self.0
    }

    /// The one in the middle, or the mean of the two there.
    ///
    /// ```
    /// let samples: bench::Samples = [3.0, 100.0, 1.0, 2.0].into_iter().collect();
    /// assert_eq!(samples.median(), Some(2.5));
    /// ```
    pub fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            n if n % 2 == 1 => sorted.get(middle).copied(),
            _ => Some((sorted.get(middle - 1)? + sorted.get(middle)?) / 2.0),
        }
    }

    /// The mean.
    ///
    /// ```
    /// let samples: bench::Samples = [1.0, 2.0, 6.0].into_iter().collect();
    /// assert_eq!(samples.mean(), Some(3.0));
    /// ```
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// The least.
    pub fn least(&self) -> Option<f64> {
        self.0.iter().copied().min_by(f64::total_cmp)
    }

    /// The greatest.
    pub fn greatest(&self) -> Option<f64> {
        self.0.iter().copied().max_by(f64::total_cmp)
    }

    /// How far the extremes lie from the median, as a share of it: the larger of the two.
    ///
    /// ```
    /// let samples: bench::Samples = [9.0, 10.0, 12.0].into_iter().collect();
    /// assert_eq!(samples.spread(), Some(0.2));
    /// ```
    pub fn spread(&self) -> Option<f64> {
        let median = self.median().filter(|median| *median != 0.0)?;
        let (least, greatest) = (self.least()?, self.greatest()?);
        Some(((median - least).max(greatest - median) / median).abs())
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        let mut all = Self::default();
        samples.into_iter().for_each(|sample| all.push(sample));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_nothing_is_said() {
        let none: Samples = [f64::NAN, f64::INFINITY].into_iter().collect();
        assert!(none.is_empty());
        assert_eq!((none.median(), none.mean(), none.least(), none.spread()), (None, None, None, None));
    }

    #[test]
    fn an_outlier_moves_the_spread_and_not_the_median() {
        let samples: Samples = [10.0, 11.0, 9.0, 10.0, 50.0].into_iter().collect();
        assert_eq!(samples.median(), Some(10.0));
        assert_eq!(samples.spread(), Some(4.0));
        assert_eq!((samples.least(), samples.greatest()), (Some(9.0), Some(50.0)));
    }
}
