//! What is made of a network's output: modules.json of sentence-transformers and the files that it names.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::shape::Shape;
use super::{Folder, FolderError};
use crate::torch::kernels::Follows;

const MODULES: &str = "modules.json";
const MODULES_MAX: usize = 16;
const PROMPT_BYTES_MAX: usize = 16 << 10;

/// How the vectors of a text's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pooling {
    Cls,
    Max,
    Mean,
    MeanSqrtLen,
    WeightedMean,
    LastToken,
}

impl Pooling {
    pub fn name(self) -> &'static str {
        match self {
            Pooling::Cls => "cls",
            Pooling::Max => "max",
            Pooling::Mean => "mean",
            Pooling::MeanSqrtLen => "mean_sqrt_len_tokens",
            Pooling::WeightedMean => "weightedmean",
            Pooling::LastToken => "lasttoken",
        }
    }

    /// In the order in which several are put side by side.
    const ALL: [Pooling; 6] = [
        Pooling::Cls,
        Pooling::Max,
        Pooling::Mean,
        Pooling::MeanSqrtLen,
        Pooling::WeightedMean,
        Pooling::LastToken,
    ];
}

/// A layer behind the pooling.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Its folder.
    pub module: String,
    pub inputs: i64,
    pub outputs: i64,
    pub has_bias: bool,
    pub follows: Follows,
}

/// What happens between a network's output and a text's vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Side by side where there are several.
    pub poolings: Vec<Pooling>,
    pub dense: Vec<Dense>,
    pub normalized: bool,
    /// Tokens of a text, where the folder sets a limit of its own.
    pub tokens_max: Option<usize>,
    pub lower_case: bool,
    pub prompts: BTreeMap<String, String>,
    pub default_prompt: Option<String>,
    /// Whether a classifier's single score goes through a sigmoid.
    pub sigmoid: bool,
}

impl Recipe {
    /// Without modules.json the tokens' mean, as sentence-transformers assumes too.
    pub fn read(folder: &Folder, shape: &Shape) -> Result<Recipe, FolderError> {
        let mut recipe = Recipe {
            poolings: Vec::new(),
            dense: Vec::new(),
            normalized: false,
            tokens_max: None,
            lower_case: false,
            prompts: BTreeMap::new(),
            default_prompt: None,
            sigmoid: shape.labels == Some(1) && !is_identity(folder)?,
        };
        let modules: Vec<Module> = folder.json(MODULES)?.unwrap_or_default();
        if modules.len() > MODULES_MAX {
            return Err(FolderError::new(
                MODULES,
                format!("it names more than {MODULES_MAX} modules"),
            ));
        }
        for module in &modules {
            recipe.add(folder, module, shape)?;
        }
        if recipe.poolings.is_empty() {
            recipe.poolings.push(Pooling::Mean);
        }
        recipe.read_transformer(folder)?;
        recipe.read_prompts(folder)?;
        Ok(recipe)
    }

    /// Length of a vector.
    pub fn dimensions(&self, hidden: i64) -> i64 {
        let pooled = self.poolings.len() as i64 * hidden;
        self.dense.last().map_or(pooled, |dense| dense.outputs)
    }

    /// Values of the weights behind the pooling, of each.
    pub fn products(&self) -> impl Iterator<Item = u64> {
        self.dense
            .iter()
            .map(|dense| dense.inputs.unsigned_abs() * dense.outputs.unsigned_abs())
    }

    fn add(&mut self, folder: &Folder, module: &Module, shape: &Shape) -> Result<(), FolderError> {
        let name = module.kind.rsplit('.').next().unwrap_or_default();
        let out_of_order = || {
            let problem = format!("module \"{}\" does not stand where it could be run", module.kind);
            Err(FolderError::new(MODULES, problem))
        };
        match name {
            "Transformer" if module.path.is_empty() && self.poolings.is_empty() => Ok(()),
            "Pooling" if self.poolings.is_empty() => {
                let file = format!("{}/config.json", module.path);
                let written: WrittenPooling = folder.json_needed(&file)?;
                self.poolings = written.poolings(&file, shape)?;
                Ok(())
            }
            "Dense" if !self.poolings.is_empty() && !self.normalized => {
                let dense = Dense::read(folder, module)?;
                let inputs = self.dimensions(shape.hidden);
                if dense.inputs != inputs {
                    let problem = format!("it takes {} values, it is given {inputs}", dense.inputs);
                    return Err(FolderError::new(&module.path, problem));
                }
                self.dense.push(dense);
                Ok(())
            }
            "Normalize" if !self.poolings.is_empty() => {
                self.normalized = true;
                Ok(())
            }
            // Only of use while a model is trained.
            "Dropout" => Ok(()),
            "Transformer" | "Pooling" | "Dense" | "Normalize" => out_of_order(),
            _ => {
                let problem = format!(
                    "module \"{}\" is none of Transformer, Pooling, Dense, Dropout, Normalize",
                    module.kind
                );
                Err(FolderError::new(MODULES, problem))
            }
        }
    }

    fn read_transformer(&mut self, folder: &Folder) -> Result<(), FolderError> {
        const FILE: &str = "sentence_bert_config.json";
        let Some(written) = folder.json::<WrittenTransformer>(FILE)? else {
            return Ok(());
        };
        self.lower_case = written.do_lower_case.unwrap_or(false);
        self.tokens_max = match written.max_seq_length {
            Some(tokens @ 3..) => usize::try_from(tokens).ok(),
            Some(tokens) => {
                let problem = format!("max_seq_length {tokens} leaves no room for a text");
                return Err(FolderError::new(FILE, problem));
            }
            None => None,
        };
        Ok(())
    }

    fn read_prompts(&mut self, folder: &Folder) -> Result<(), FolderError> {
        const FILE: &str = "config_sentence_transformers.json";
        let Some(written) = folder.json::<WrittenPrompts>(FILE)? else {
            return Ok(());
        };
        let prompts = written.prompts.unwrap_or_default();
        if prompts.values().map(String::len).sum::<usize>() > PROMPT_BYTES_MAX {
            return Err(FolderError::new(
                FILE,
                format!("its prompts have more than {PROMPT_BYTES_MAX} bytes"),
            ));
        }
        if let Some(name) = &written.default_prompt_name
            && !prompts.contains_key(name)
        {
            return Err(FolderError::new(
                FILE,
                format!("the default prompt \"{name}\" is not there"),
            ));
        }
        self.default_prompt = written.default_prompt_name;
        self.prompts = prompts;
        Ok(())
    }
}

/// Whether the folder says that a classifier's score is taken as it is.
fn is_identity(folder: &Folder) -> Result<bool, FolderError> {
    #[derive(Deserialize)]
    struct Written {
        sentence_transformers: Option<Activation>,
        sbert_ce_default_activation_function: Option<String>,
    }
    #[derive(Deserialize)]
    struct Activation {
        activation_fn: Option<String>,
    }
    let written: Written = folder.json_needed("config.json")?;
    let newer = written.sentence_transformers.and_then(|it| it.activation_fn);
    let function = newer.or(written.sbert_ce_default_activation_function);
    Ok(function.is_some_and(|function| function.ends_with(".Identity")))
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct WrittenTransformer {
    max_seq_length: Option<i64>,
    do_lower_case: Option<bool>,
}

#[derive(Deserialize)]
struct WrittenPrompts {
    prompts: Option<BTreeMap<String, String>>,
    default_prompt_name: Option<String>,
}

/// Older files have a switch for each kind, newer ones their names.
#[derive(Deserialize)]
struct WrittenPooling {
    #[serde(alias = "embedding_dimension")]
    word_embedding_dimension: Option<i64>,
    pooling_mode: Option<Names>,
    include_prompt: Option<bool>,
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
    #[serde(default)]
    pooling_mode_weightedmean_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl WrittenPooling {
    fn poolings(self, file: &str, shape: &Shape) -> Result<Vec<Pooling>, FolderError> {
        if self.include_prompt == Some(false) {
            return Err(FolderError::new(
                file,
                "include_prompt is false: prompts are always pooled here",
            ));
        }
        let width = self.word_embedding_dimension.unwrap_or(shape.hidden);
        if width != shape.hidden {
            let problem = format!("it pools {width} values, config.json has {}", shape.hidden);
            return Err(FolderError::new(file, problem));
        }
        let switches = [
            self.pooling_mode_cls_token,
            self.pooling_mode_max_tokens,
            self.pooling_mode_mean_tokens,
            self.pooling_mode_mean_sqrt_len_tokens,
            self.pooling_mode_weightedmean_tokens,
            self.pooling_mode_lasttoken,
        ];
        let names = match self.pooling_mode {
            Some(Names::One(name)) => vec![name],
            Some(Names::Several(names)) => names,
            None => {
                let switched = Pooling::ALL.into_iter().zip(switches).filter(|(_, on)| *on);
                let poolings: Vec<Pooling> = switched.map(|(pooling, _)| pooling).collect();
                return Some(poolings)
                    .filter(|poolings| !poolings.is_empty())
                    .ok_or_else(|| FolderError::new(file, "no kind of pooling is switched on"));
            }
        };
        let of = |name: &String| {
            let known = Pooling::ALL.into_iter().find(|pooling| pooling.name() == name);
            known.ok_or_else(|| FolderError::new(file, format!("pooling \"{name}\" is not known")))
        };
        if names.is_empty() || names.len() > Pooling::ALL.len() {
            return Err(FolderError::new(file, "one to six kinds of pooling are needed"));
        }
        names.iter().map(of).collect()
    }
}

#[derive(Deserialize)]
struct WrittenDense {
    in_features: i64,
    out_features: i64,
    bias: Option<bool>,
    activation_function: Option<String>,
    #[serde(default)]
    use_residual: bool,
    module_input_name: Option<String>,
    module_output_name: Option<String>,
}

impl Dense {
    fn read(folder: &Folder, module: &Module) -> Result<Dense, FolderError> {
        let file = format!("{}/config.json", module.path);
        let written: WrittenDense = folder.json_needed(&file)?;
        let allowed = 1..=65_536;
        if !allowed.contains(&written.in_features) || !allowed.contains(&written.out_features) {
            return Err(FolderError::new(
                &file,
                "in_features and out_features are between 1 and 65536",
            ));
        }
        let other = |name: Option<String>| name.is_some_and(|name| name != "sentence_embedding");
        if written.use_residual || other(written.module_input_name) || other(written.module_output_name) {
            return Err(FolderError::new(
                &file,
                "only a layer behind the pooling, without residual, is run here",
            ));
        }
        let function = written.activation_function.as_deref().unwrap_or("Tanh");
        let follows = match function.rsplit('.').next().unwrap_or_default() {
            "Identity" => Follows::Nothing,
            "Tanh" => Follows::Tanh,
            "ReLU" => Follows::Relu,
            "GELU" => Follows::Gelu,
            _ => {
                let problem =
                    format!("activation_function \"{function}\" is none of Identity, Tanh, ReLU, GELU");
                return Err(FolderError::new(&file, problem));
            }
        };
        Ok(Dense {
            module: module.path.clone(),
            inputs: written.in_features,
            outputs: written.out_features,
            has_bias: written.bias.unwrap_or(true),
            follows,
        })
    }
}
