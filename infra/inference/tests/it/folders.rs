//! Folders of models that do not fit, or mean harm: each is refused in one line that names the file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use inference::engine::{Engine, ModelError, Status};
use inference::model::{Model, TooLong};
use inference::settings::{DeviceChoice, EngineSettings, LoadAt, ModelSettings, Precision};
use serde_json::{Value, json};
use tempfile::TempDir;

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

/// A copy of a small model that may be spoilt.
fn copied(name: &str) -> TempDir {
    let to = TempDir::new().unwrap();
    let status = Command::new("cp")
        .arg("-r")
        .arg(format!("{}/.", model(name).display()))
        .arg(to.path())
        .status()
        .unwrap();
    assert!(status.success());
    to
}

fn settings(folder: &Path) -> ModelSettings {
    ModelSettings {
        name: "tested".to_owned(),
        folder: folder.to_owned(),
        precision: Precision::Float32,
        load: LoadAt::Start,
        follow_links: false,
    }
}

/// What is told of a folder when it is loaded, or "loaded".
async fn told(folder: &Path) -> String {
    told_of(settings(folder)).await
}

async fn told_of(settings: ModelSettings) -> String {
    told_within(settings, None).await
}

async fn told_within(settings: ModelSettings, memory_mib: Option<u64>) -> String {
    let engine = Engine::start(EngineSettings {
        device: DeviceChoice::Cpu,
        memory_mib,
        models: vec![settings],
        ..EngineSettings::default()
    })
    .await
    .unwrap();
    let state = engine.models().remove(0);
    engine.drain().await;
    match state.status {
        Status::Loaded => "loaded".to_owned(),
        _ => state.problem.unwrap(),
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}

async fn refused(spoil: impl FnOnce(&Path), expected: &str) {
    let folder = copied("bert");
    spoil(folder.path());
    let told = told(folder.path()).await;
    assert!(told.contains(expected), "{told}\nand not: {expected}");
    assert!(!told.contains('\n'), "{told}");
}

#[tokio::test]
async fn a_configuration_that_does_not_fit_is_told() {
    let config = |key: &'static str, value: Value| {
        move |folder: &Path| change(&folder.join("config.json"), |config| config[key] = value)
    };
    refused(
        |folder| fs::remove_file(folder.join("config.json")).unwrap(),
        "config.json: the file is missing",
    )
    .await;
    refused(
        |folder| fs::write(folder.join("config.json"), "{").unwrap(),
        "config.json: EOF",
    )
    .await;
    refused(
        |folder| fs::write(folder.join("config.json"), [0xff, 0xfe]).unwrap(),
        "config.json: ",
    )
    .await;
    refused(
        config("model_type", json!("llama")),
        "model_type \"llama\" is none of those that run here",
    )
    .await;
    refused(
        config("hidden_size", json!(0)),
        "hidden_size 0 is not between 1 and 16384",
    )
    .await;
    refused(config("hidden_size", json!(-48)), "hidden_size -48").await;
    refused(config("hidden_size", json!(49)), "is no multiple of").await;
    refused(config("hidden_size", json!("48")), "config.json: invalid type").await;
    refused(
        config("hidden_size", json!(96)),
        "it pools 48 values, config.json has 96",
    )
    .await;
    refused(config("num_hidden_layers", json!(99)), "is missing").await;
    refused(config("num_hidden_layers", json!(1e18)), "config.json: ").await;
    refused(config("layer_norm_eps", json!(-1)), "layer_norm_eps -1").await;
    refused(config("hidden_act", json!("swiglu")), "hidden_act \"swiglu\"").await;
    refused(
        config("position_embedding_type", json!("relative_key")),
        "position_embedding_type",
    )
    .await;
    refused(config("is_decoder", json!(true)), "is_decoder").await;
    refused(
        config("max_position_embeddings", json!(2)),
        "leaves no room for a text",
    )
    .await;
    refused(config("vocab_size", json!(7)), "config.json wants").await;
}

#[tokio::test]
async fn weights_that_lie_are_told() {
    const FILE: &str = "model.safetensors";
    let spoilt = |spoil: fn(&mut Vec<u8>)| {
        move |folder: &Path| {
            let mut bytes = fs::read(folder.join(FILE)).unwrap();
            spoil(&mut bytes);
            fs::write(folder.join(FILE), bytes).unwrap();
        }
    };
    refused(
        |folder| fs::remove_file(folder.join(FILE)).unwrap(),
        "model.safetensors: the file is missing",
    )
    .await;
    refused(spoilt(Vec::clear), "too short for weights").await;
    refused(spoilt(|bytes| bytes.truncate(7)), "too short for weights").await;
    refused(spoilt(|bytes| bytes.truncate(20)), "ends within its header").await;
    refused(spoilt(|bytes| bytes.truncate(bytes.len() - 1)), "follow").await;
    refused(spoilt(|bytes| bytes.push(0)), "follow").await;
    refused(spoilt(|bytes| bytes[..8].fill(0xff)), "its header would have").await;
    refused(spoilt(|bytes| bytes[8..40].fill(b'{')), "its header is not valid").await;
    refused(spoilt(|bytes| bytes[8..12].fill(0xff)), "its header is not valid").await;
    refused(
        |folder| {
            let header =
                br#"{"a":{"dtype":"F32","shape":[1000000000,1000000000,1000000000],"data_offsets":[0,4]}}"#;
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header);
            bytes.extend([0; 4]);
            fs::write(folder.join(FILE), bytes).unwrap();
        },
        "its header is not valid",
    )
    .await;
    // Infinite weights fit and give nothing.
    let infinite = spoilt(|bytes| {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].fill(0xff);
    });
    refused(infinite, "what is not a number").await;
}

/// What it would take for a while is counted before anything of it is read.
#[tokio::test]
async fn a_folder_that_says_it_is_wide_takes_no_memory() {
    let folder = copied("bert");
    fs::remove_file(folder.path().join("modules.json")).unwrap();
    change(&folder.path().join("config.json"), |config| {
        config["hidden_size"] = json!(16_384);
        config["num_attention_heads"] = json!(256);
        config["intermediate_size"] = json!(131_072);
        config["num_hidden_layers"] = json!(1);
    });
    let settings = ModelSettings {
        precision: Precision::Int8,
        ..settings(folder.path())
    };
    let told = told_within(settings, Some(8_000)).await;
    assert!(told.contains("needs 24576 MiB, 8000 are free"), "{told}");
}

#[tokio::test]
async fn an_index_names_files_of_the_folder_only() {
    let index = |name: &'static str| {
        move |folder: &Path| {
            fs::rename(folder.join("model.safetensors"), folder.join("moved.safetensors")).unwrap();
            let map = json!({"weight_map": {"embeddings.word_embeddings.weight": name}});
            fs::write(folder.join("model.safetensors.index.json"), map.to_string()).unwrap();
        }
    };
    refused(index("../other/model.safetensors"), "leads out of the folder").await;
    refused(index("/etc/passwd.safetensors"), "leads out of the folder").await;
    refused(index("./moved.safetensors"), "leads out of the folder").await;
    refused(index("config.json"), "is no file of safetensors").await;
    refused(
        index("absent.safetensors"),
        "absent.safetensors: the file is missing",
    )
    .await;
    refused(index("a\0b.safetensors"), "leads out of the folder").await;
}

#[tokio::test]
async fn links_lead_out_of_a_folder_only_where_that_is_allowed() {
    let link_out = |folder: &Path| {
        fs::remove_file(folder.join("model.safetensors")).unwrap();
        symlink(
            model("bert").join("model.safetensors"),
            folder.join("model.safetensors"),
        )
        .unwrap();
    };
    refused(link_out, "a link leads out of the folder").await;
    let folder = copied("bert");
    link_out(folder.path());
    let allowed = ModelSettings {
        follow_links: true,
        ..settings(folder.path())
    };
    assert_eq!(told_of(allowed).await, "loaded");
    // Inside they are nobody's harm.
    let folder = copied("bert");
    fs::rename(
        folder.path().join("model.safetensors"),
        folder.path().join("weights.bin"),
    )
    .unwrap();
    symlink("weights.bin", folder.path().join("model.safetensors")).unwrap();
    assert_eq!(told(folder.path()).await, "loaded");
}

#[tokio::test]
async fn what_is_no_plain_file_is_not_read() {
    let pipe = |name: &'static str| {
        move |folder: &Path| {
            fs::remove_file(folder.join(name)).unwrap();
            let made = Command::new("mkfifo").arg(folder.join(name)).status().unwrap();
            assert!(made.success());
        }
    };
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        refused(pipe(name), "it is no plain file").await;
    }
    let folder = |folder: &Path| {
        fs::remove_file(folder.join("config.json")).unwrap();
        fs::create_dir(folder.join("config.json")).unwrap();
    };
    refused(folder, "it is no plain file").await;
    let device = |folder: &Path| {
        fs::remove_file(folder.join("config.json")).unwrap();
        symlink("/dev/zero", folder.join("config.json")).unwrap();
    };
    refused(device, "a link leads out of the folder").await;
    assert!(
        told(Path::new("/absent"))
            .await
            .contains("there is no such folder")
    );
    assert!(
        told(&model("bert").join("config.json"))
            .await
            .contains("it is no folder")
    );
}

#[tokio::test]
async fn tokenizers_that_mean_harm_are_refused_or_do_none() {
    const FILE: &str = "tokenizer.json";
    let tokenizer = |spoil: fn(&mut Value)| move |folder: &Path| change(&folder.join(FILE), spoil);
    refused(
        |folder| fs::remove_file(folder.join(FILE)).unwrap(),
        "tokenizer.json: the file is missing",
    )
    .await;
    refused(
        |folder| fs::write(folder.join(FILE), "[]").unwrap(),
        "tokenizer.json: ",
    )
    .await;
    refused(
        tokenizer(|it| it["model"]["type"] = json!("Oracle")),
        "tokenizer.json: ",
    )
    .await;
    let deep = |folder: &Path| {
        let depth = 100_000;
        let nested = format!("{}{}", "{\"normalizer\":".repeat(depth), "}".repeat(depth));
        fs::write(folder.join(FILE), nested).unwrap();
    };
    refused(deep, "tokenizer.json: ").await;
    // More padding than there is memory, and texts cut to nothing: texts are cut here, and not padded.
    let folder = copied("bert");
    change(&folder.path().join(FILE), |it| {
        it["padding"] = json!({"strategy": {"Fixed": 1_000_000_000_000_u64}, "direction": "Right",
            "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"});
        it["truncation"] =
            json!({"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 5});
    });
    let opened = Model::open(&settings(folder.path())).unwrap();
    let tokens = opened
        .model
        .read("The ferry leaves.", None, TooLong::Refuse)
        .unwrap();
    let usual = Model::open(&settings(&model("bert"))).unwrap();
    assert_eq!(
        tokens,
        usual
            .model
            .read("The ferry leaves.", None, TooLong::Refuse)
            .unwrap()
    );
    // A vocabulary that is larger than the network's table.
    let folder = copied("bert");
    change(&folder.path().join(FILE), |it| {
        let word = it["model"]["vocab"].as_object_mut().unwrap();
        word.insert("ferry".to_owned(), json!(4_000_000_000_u32));
    });
    let opened = Model::open(&settings(folder.path())).unwrap();
    let error = opened.model.read("ferry", None, TooLong::Refuse).unwrap_err();
    assert!(
        error.to_string().contains("not of the model's vocabulary"),
        "{error}"
    );
}

#[tokio::test]
async fn modules_that_do_not_fit_are_told() {
    let modules = |value: Value| {
        move |folder: &Path| fs::write(folder.join("modules.json"), value.to_string()).unwrap()
    };
    let module = |kind: &str, path: &str| json!({"type": format!("sentence_transformers.models.{kind}"), "path": path});
    let transformer = module("Transformer", "");
    let pooling = module("Pooling", "1_Pooling");
    refused(
        modules(json!([transformer, module("CNN", "1_CNN")])),
        "none of Transformer, Pooling",
    )
    .await;
    refused(
        modules(json!([pooling, transformer])),
        "does not stand where it could be run",
    )
    .await;
    refused(
        modules(json!([transformer, module("Pooling", "../1_Pooling")])),
        "leads out of the folder",
    )
    .await;
    refused(
        modules(json!([transformer, pooling, module("Dense", "2_Dense")])),
        "2_Dense/config.json: the file is missing",
    )
    .await;
    refused(
        |folder| {
            change(&folder.join("1_Pooling/config.json"), |it| {
                it["word_embedding_dimension"] = json!(7);
            });
        },
        "it pools 7 values",
    )
    .await;
    refused(
        |folder| {
            change(&folder.join("sentence_bert_config.json"), |it| {
                it["max_seq_length"] = json!(-1);
            });
        },
        "max_seq_length -1",
    )
    .await;
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_keeps_no_other_away() {
    let mut good = settings(&model("bert"));
    good.name = "good".to_owned();
    let bad = ModelSettings {
        name: "bad".to_owned(),
        ..settings(Path::new("/absent"))
    };
    let engine = Engine::start(EngineSettings {
        device: DeviceChoice::Cpu,
        models: vec![bad, good],
        ..EngineSettings::default()
    })
    .await
    .unwrap();
    assert!(matches!(
        engine.model("bad").await,
        Err(ModelError::Folder { .. })
    ));
    assert!(matches!(
        engine.model("other").await,
        Err(ModelError::Unknown { .. })
    ));
    assert_eq!(engine.model("good").await.unwrap().card().architecture, "bert");
}
