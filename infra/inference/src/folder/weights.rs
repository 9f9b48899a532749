//! Weights in *.safetensors, one file or several with an index, read tensor by tensor.
//!
//! Files are read and not mapped: one that is cut off while it is mapped would end the process.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;
use tch::{Device, Kind, TchError, Tensor};

use super::{Folder, FolderError};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Of a header. The largest models have some hundred kilobytes.
pub const HEADER_BYTES_MAX: usize = 16 << 20;
const FILES_MAX: usize = 1_000;
/// Of all files of a folder. The largest models have some thousands.
const TENSORS_MAX: usize = 100_000;
/// What is read at once; a multiple of every value's size.
const PART_BYTES: usize = 16 << 20;

/// Where the tensors of a folder lie.
pub struct Weights {
    files: Vec<(String, File)>,
    tensors: HashMap<String, Place>,
}

struct Place {
    file: usize,
    kind: Kind,
    shape: Vec<i64>,
    /// In the file.
    begin: u64,
    bytes: usize,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads the beginning of a file: where the data begins, and what the header says of it.
///
/// `begin` holds the file up to the end of its header at least; `length` is the whole file's. Nothing that the header
/// names lies outside of the file, overlaps, or has another length than its shape and kind have.
pub fn header(begin: &[u8], length: u64) -> Result<(u64, Metadata), String> {
    let size = header_bytes(begin, length)?;
    let text = begin
        .get(8..8 + size)
        .ok_or_else(|| "it ends within its header".to_owned())?;
    let metadata: Metadata =
        serde_json::from_slice(text).map_err(|error| format!("its header is not valid: {error}"))?;
    let data = 8 + size as u64;
    if metadata.data_len() as u64 != length - data {
        let (says, has) = (metadata.data_len(), length - data);
        return Err(format!("its header tells of {says} bytes, {has} follow"));
    }
    Ok((data, metadata))
}

/// Bytes of the header that a file with this beginning has.
fn header_bytes(begin: &[u8], length: u64) -> Result<usize, String> {
    let size: [u8; 8] = begin
        .get(..8)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "it is too short for weights".to_owned())?;
    let size = u64::from_le_bytes(size);
    if size > HEADER_BYTES_MAX as u64 {
        return Err(format!(
            "its header would have {size} bytes, {HEADER_BYTES_MAX} are taken"
        ));
    }
    if length < 8 + size {
        return Err("it ends within its header".to_owned());
    }
    usize::try_from(size).map_err(|error| error.to_string())
}

impl Weights {
    pub fn open(folder: &Folder) -> Result<Weights, FolderError> {
        Weights::open_in(folder, "")
    }

    /// Of a module that has a folder of its own.
    pub fn open_in(folder: &Folder, module: &str) -> Result<Weights, FolderError> {
        let within = |name: &str| match module {
            "" => name.to_owned(),
            module => format!("{module}/{name}"),
        };
        let mut weights = Weights {
            files: Vec::new(),
            tensors: HashMap::new(),
        };
        let single = within(SINGLE);
        if let Some((file, length)) = folder.file(&single)? {
            weights.add(&single, file, length)?;
            return Ok(weights);
        }
        let Some(index) = folder.json::<Index>(&within(INDEX))? else {
            let problem = "the file is missing (weights are read from *.safetensors only)";
            return Err(FolderError::new(&single, problem));
        };
        let names: std::collections::BTreeSet<&String> = index.weight_map.values().collect();
        if names.len() > FILES_MAX {
            return Err(FolderError::new(
                INDEX,
                format!("it names more than {FILES_MAX} files"),
            ));
        }
        for name in names {
            if !name.ends_with(".safetensors") {
                return Err(FolderError::new(
                    INDEX,
                    format!("\"{name}\" is no file of safetensors"),
                ));
            }
            let name = within(name);
            let (file, length) = folder
                .file(&name)?
                .ok_or_else(|| FolderError::new(&name, "the file is missing"))?;
            weights.add(&name, file, length)?;
        }
        Ok(weights)
    }

    fn add(&mut self, name: &str, file: File, length: u64) -> Result<(), FolderError> {
        let refused = |problem: String| FolderError::new(name, problem);
        let unread = |error: io::Error| refused(format!("it cannot be read: {error}"));
        let mut size = [0; 8];
        if length < 8 {
            return Err(refused("it is too short for weights".to_owned()));
        }
        file.read_exact_at(&mut size, 0).map_err(unread)?;
        let mut begin = vec![0; 8 + header_bytes(&size, length).map_err(refused)?];
        file.read_exact_at(&mut begin, 0).map_err(unread)?;
        let (data, metadata) = header(&begin, length).map_err(refused)?;
        let tensors = metadata.tensors();
        if self.tensors.len() + tensors.len() > TENSORS_MAX {
            return Err(refused(format!("there are more than {TENSORS_MAX} tensors")));
        }
        for (tensor, info) in tensors {
            // Of other kinds are only helpers that no encoder needs, such as ready-made positions.
            let Some(kind) = kind_of(info.dtype) else { continue };
            let (from, to) = info.data_offsets;
            let place = Place {
                file: self.files.len(),
                kind,
                shape: info.shape.iter().map(|&length| length as i64).collect(),
                begin: data + from as u64,
                bytes: to - from,
            };
            if self.tensors.insert(tensor.clone(), place).is_some() {
                return Err(refused(format!("tensor \"{tensor}\" is in two files")));
            }
        }
        self.files.push((name.to_owned(), file));
        Ok(())
    }

    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Values of all tensors.
    pub fn parameters(&self) -> u64 {
        let of = |place: &Place| (place.bytes / place.kind.elt_size_in_bytes()) as u64;
        self.tensors.values().map(of).sum()
    }

    /// A tensor of this shape, in the kind that is asked for.
    ///
    /// It is read in parts, so that memory is taken for the tensor once, whatever kind the file has.
    pub fn tensor(&self, name: &str, shape: &[i64], kind: Kind) -> Result<Tensor, FolderError> {
        let Some(place) = self.tensors.get(name) else {
            let file = self.files.first().map_or(SINGLE, |(name, _)| name);
            return Err(FolderError::new(file, format!("tensor \"{name}\" is missing")));
        };
        let (file_name, file) = &self.files[place.file];
        if place.shape != shape {
            let problem = format!(
                "tensor \"{name}\" is {:?}, config.json wants {shape:?}",
                place.shape
            );
            return Err(FolderError::new(file_name, problem));
        }
        let unread = |error: io::Error| FolderError::new(file_name, format!("it cannot be read: {error}"));
        let refused = |error: TchError| FolderError::new(file_name, format!("tensor \"{name}\": {error}"));
        let whole = Tensor::f_empty(shape, (kind, Device::Cpu)).map_err(refused)?;
        let values = whole.f_view([-1]).map_err(refused)?;
        let mut bytes = vec![0; place.bytes.min(PART_BYTES)];
        let mut done = 0;
        while done < place.bytes {
            let part = &mut bytes[..PART_BYTES.min(place.bytes - done)];
            file.read_exact_at(part, place.begin + done as u64)
                .map_err(unread)?;
            place.put(part, done, &values).map_err(refused)?;
            done += part.len();
        }
        Ok(whole)
    }
}

impl Place {
    /// Puts bytes of the tensor, from the `begin`th on, among its values.
    fn put(&self, bytes: &[u8], begin: usize, values: &Tensor) -> Result<(), TchError> {
        let size = self.kind.elt_size_in_bytes();
        let (begin, count) = ((begin / size) as i64, (bytes.len() / size) as i64);
        let part = Tensor::f_from_data_size(bytes, &[count], self.kind)?;
        values.f_narrow(0, begin, count)?.f_copy_(&part).map(drop)
    }
}

fn kind_of(written: Dtype) -> Option<Kind> {
    match written {
        Dtype::F32 => Some(Kind::Float),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        Dtype::F64 => Some(Kind::Double),
        _ => None,
    }
}
