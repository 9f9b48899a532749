//! Compiles what is in C++ against libtorch and lets the program find libtorch's libraries where they were when it was
//! built, so that nobody has to set a search path.

use std::env;
use std::path::Path;

const SOURCES: [&str; 5] = [
    "src/torch/attention.cpp",
    "src/torch/bytes.cpp",
    "src/torch/kernels.cpp",
    "src/torch/products.cpp",
    "src/torch/tile.cpp",
];
const HEADERS: [&str; 3] = ["src/torch/border.h", "src/torch/panels.h", "src/torch/tile.h"];

fn main() {
    for file in SOURCES.iter().chain(&HEADERS) {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Some(libtorch) = env::var_os("LIBTORCH") else {
        println!(
            "cargo:warning=LIBTORCH is not set: run `make libtorch`, and build by `make worker` or `make test`"
        );
        std::process::exit(1);
    };
    let libtorch = Path::new(&libtorch);
    let (headers, libraries) = (libtorch.join("include"), libtorch.join("lib"));
    cc::Build::new()
        .cpp(true)
        .std("c++20")
        .warnings(false)
        // Also where the rest is not optimised: it is what everything waits for.
        .opt_level(3)
        // Without OpenMP libtorch's loops stay on one thread; the rest lets many values be computed at a time.
        .flags(["-fopenmp", "-fno-trapping-math", "-fno-math-errno"])
        .include(&headers)
        .include(headers.join("torch/csrc/api/include"))
        .files(SOURCES)
        .compile("inference_kernels");
    println!("cargo:rustc-link-search=native={}", libraries.display());
    println!("cargo:rustc-link-lib=dylib=torch_cpu");
    println!("cargo:rustc-link-lib=dylib=c10");
    // The one that libtorch has beside it, by its name, so that all threads are of one runtime.
    println!("cargo:rustc-link-lib=dylib=gomp");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
}
