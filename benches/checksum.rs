//! What checksums cost: over the frames that an upload sends, and for combining the parts of the largest upload.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sealift::checksum::{Algorithm, Checksum, Digest};

/// The size of the frames in which an upload reads its file.
const FRAME: usize = 128 << 10;

fn bytes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for algorithm in Algorithm::ALL {
        for len in [4 << 10, FRAME, 16 << 20] {
            let bytes: Vec<u8> = (0..251).cycle().step_by(31).take(len).collect();
            group.throughput(Throughput::Bytes(len as u64));
            group.bench_with_input(BenchmarkId::new(algorithm.name(), len), &bytes, |bencher, bytes| {
                let mut digest = Digest::new(algorithm);
                bencher.iter(|| digest.update(black_box(bytes)));
            });
        }
    }
}

fn combine(criterion: &mut Criterion) {
    let part = Checksum::of(Algorithm::Crc64Xz, b"a part");
    let mut group = criterion.benchmark_group("combine 10,000 parts");
    // One bit of the length is set, or many.
    for len in [16_u64 << 20, (5 << 30) - 1] {
        group.bench_with_input(BenchmarkId::from_parameter(len), &len, |bencher, &len| {
            bencher.iter(|| {
                (0..10_000).fold(Checksum::empty(Algorithm::Crc64Xz), |whole, _| whole.then(black_box(part), len))
            });
        });
    }
}

criterion_group!(benches, bytes, combine);
criterion_main!(benches);
