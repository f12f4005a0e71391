use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_rate_of_arrivals_follows_and_fades() {
    let start = Instant::now();
    let mut arrivals = Arrivals::default();
    let (a, b) = (Arc::from("a"), Arc::from("b"));
    for step in 0..1000 {
        let class = if step % 2 == 0 { &a } else { &b };
        arrivals.count(start + step * SECOND / 100, class, 64);
    }
    let now = start + 10 * SECOND;
    let rate = arrivals.rate(now);
    assert!((6200.0..6500.0).contains(&rate), "{rate}");
    assert_eq!(arrivals.classes(now).count(), 2);
    arrivals.count(now + 4 * SECOND, &a, 64);
    assert!(arrivals.rate(now + 4 * SECOND) < 1000.0);
    assert_eq!(arrivals.classes(now + 6 * SECOND).count(), 1);
    assert_eq!(arrivals.classes(now + 10 * SECOND).count(), 0);
    assert_eq!(Arrivals::default().rate(now), 0.0);
}

#[test]
fn classes_of_long_ago_are_forgotten_though_nobody_asks() {
    let mut now = Instant::now();
    let mut arrivals = Arrivals::default();
    for class in 0..10_000 {
        now += SECOND / 10;
        arrivals.count(now, &class.to_string().into(), 64);
    }
    assert!(arrivals.recent.len() <= 101, "{}", arrivals.recent.len());
}

#[test]
fn before_somebody_as_many_of_each_class_come_in() {
    let forecast = Forecast::new(vec![64, 640, 6400], 0.0, 64.0);
    assert_eq!(forecast.wait(64), 3 * SECOND);
    assert_eq!(forecast.wait(128), 5 * SECOND);
    assert_eq!(forecast.wait(640), 21 * SECOND);
    assert_eq!(forecast.wait(6400), 111 * SECOND);
}

#[test]
fn those_who_come_meanwhile_count_up_to_the_same_depth() {
    // Ten classes; in one, ten wait, in the others nobody yet. Nine a second come, ten are let in.
    let mut classes = vec![0; 9];
    classes.push(640);
    let still = Forecast::new(classes.clone(), 0.0, 640.0).wait(640);
    assert_eq!(still, SECOND);
    let busy = Forecast::new(classes.clone(), 576.0, 640.0).wait(640);
    assert!((5 * SECOND..6 * SECOND).contains(&busy), "{busy:?}");
    // However many come: each class has its turns, no more.
    let storm = Forecast::new(classes, 1e9, 640.0).wait(640);
    assert_eq!(storm, 10 * SECOND);
}

proptest! {
    #[test]
    fn more_of_anything_never_shortens_the_wait(
        classes in proptest::collection::vec(0..2000_u64, 1..40),
        arrivals in 0.0..5000.0_f64,
        rate in 64.0..6400.0_f64,
        depth in 1..2000_u64,
    ) {
        let wait = |classes: &[u64], arrivals, rate, depth| {
            Forecast::new(classes.to_vec(), arrivals, rate).wait(depth)
        };
        let base = wait(&classes, arrivals, rate, depth);
        // As exact as the halvings are.
        let most = seconds(depth as f64 * (classes.len() + 1) as f64 / rate);
        let slack = most / 400;
        prop_assert!(base <= most);
        prop_assert!(wait(&classes, arrivals, rate, depth + 64) + slack >= base);
        prop_assert!(wait(&classes, arrivals + 500.0, rate, depth) + slack >= base);
        prop_assert!(wait(&classes, arrivals, rate * 0.5, depth) + slack >= base);
        let mut more = classes.clone();
        more[0] += 64;
        prop_assert!(wait(&more, arrivals, rate, depth) + slack >= base);
    }
}
