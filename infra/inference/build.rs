//! Compiles `kernels.cpp` against libtorch and lets the program find libtorch's libraries where they were when it was
//! built, so that nobody has to set a search path.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=src/torch/kernels.cpp");
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
        // What the compiler needs to compute many values at a time.
        .flags(["-fopenmp-simd", "-fno-trapping-math", "-fno-math-errno"])
        .include(&headers)
        .include(headers.join("torch/csrc/api/include"))
        .file("src/torch/kernels.cpp")
        .compile("inference_kernels");
    println!("cargo:rustc-link-search=native={}", libraries.display());
    println!("cargo:rustc-link-lib=dylib=torch_cpu");
    println!("cargo:rustc-link-lib=dylib=c10");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
}
