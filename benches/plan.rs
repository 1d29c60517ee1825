//! What planning costs: the plan itself, and a walk through the spans of the largest one.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sealift::{dialect::Dialect, transfer::Plan};

fn plan(criterion: &mut Criterion) {
    let limits = Dialect::Cos.limits();
    criterion.bench_function("plan the largest object", |bencher| {
        bencher.iter(|| Plan::new(black_box(limits.max_object), None, limits));
    });
    let plan = Plan::new(limits.max_object, None, limits).expect("the largest object can be planned");
    criterion.bench_function("walk through 10,000 spans", |bencher| {
        bencher.iter(|| black_box(&plan).spans().map(|span| span.len).sum::<u64>());
    });
}

criterion_group!(benches, plan);
criterion_main!(benches);
