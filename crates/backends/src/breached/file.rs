//! The file: magic, version, counts and geometry, fingerprints, SHA-256 of all before it. Little-endian.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use xorf::{BinaryFuse16, Descriptor};

use super::{BreachedFilter, FilterError, as_u64};

const MAGIC: &[u8; 8] = b"SUFBRPWD";
const VERSION: u32 = 1;
/// Magic, version, passwords, seed, two lengths, number of fingerprints.
const HEAD: usize = 8 + 4 + 8 + 8 + 4 + 4 + 8;
const CHECKSUM: usize = 32;
/// Bytes read or written at once.
const CHUNK: usize = 64 * 1024;

pub(super) fn size_of(fingerprints: usize) -> u64 {
    as_u64(fingerprints).saturating_mul(2).saturating_add(as_u64(HEAD + CHECKSUM))
}

pub(super) fn write(filter: &BreachedFilter, path: &Path) -> Result<(), FilterError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".part");
    let aside = Path::new(&aside);
    let written = write_to(filter, aside).and_then(|()| fs::rename(aside, path));
    written.map_err(|error| {
        // What is left of it is of no use; that it may not be there is fine.
        let _ = fs::remove_file(aside);
        FilterError::Io(format!("{} cannot be written", path.display()), error)
    })
}

fn write_to(filter: &BreachedFilter, path: &Path) -> io::Result<()> {
    let mut out = Summed { inner: BufWriter::new(File::create(path)?), sum: Sha256::new() };
    out.write_all(&head_of(filter))?;
    for chunk in filter.filter.fingerprints.chunks(CHUNK / 2) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()).collect();
        out.write_all(&bytes)?;
    }
    let Summed { mut inner, sum } = out;
    inner.write_all(&sum.finalize())?;
    inner.flush()?;
    inner.get_ref().sync_all()
}

fn head_of(filter: &BreachedFilter) -> Vec<u8> {
    let descriptor = &filter.filter.descriptor;
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&filter.passwords.to_le_bytes());
    head.extend_from_slice(&descriptor.seed.to_le_bytes());
    head.extend_from_slice(&descriptor.segment_length.to_le_bytes());
    head.extend_from_slice(&descriptor.segment_count_length.to_le_bytes());
    head.extend_from_slice(&as_u64(filter.filter.fingerprints.len()).to_le_bytes());
    head
}

pub(super) fn read(path: &Path) -> Result<BreachedFilter, FilterError> {
    let failed = |error| FilterError::Io(format!("{} cannot be read", path.display()), error);
    let damaged = |reason| FilterError::Damaged { file: path.display().to_string(), reason };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut input = Summed { inner: BufReader::with_capacity(CHUNK, file), sum: Sha256::new() };
    let head = Head::read(&mut input).map_err(failed)?.map_err(damaged)?;
    let count = head.fingerprints(length).map_err(damaged)?;
    let fingerprints = read_fingerprints(&mut input, count).map_err(failed)?;
    let Summed { mut inner, sum } = input;
    let mut stored = [0; CHECKSUM];
    inner.read_exact(&mut stored).map_err(failed)?;
    if *sum.finalize() != stored {
        return Err(damaged("its checksum does not match its content"));
    }
    let filter = BinaryFuse16 { descriptor: head.descriptor, fingerprints };
    Ok(BreachedFilter { passwords: head.passwords, filter })
}

fn read_fingerprints(input: &mut impl Read, count: usize) -> io::Result<Box<[u16]>> {
    let mut fingerprints = Vec::with_capacity(count);
    let mut buffer = vec![0; CHUNK];
    while fingerprints.len() < count {
        let bytes = (2 * (count - fingerprints.len())).min(CHUNK);
        let chunk = &mut buffer[..bytes];
        input.read_exact(chunk)?;
        fingerprints.extend(chunk.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
    }
    Ok(fingerprints.into_boxed_slice())
}

struct Head {
    passwords: u64,
    descriptor: Descriptor,
    fingerprints: u64,
}

impl Head {
    fn read(input: &mut impl Read) -> io::Result<Result<Self, &'static str>> {
        let mut bytes = [0; HEAD];
        match input.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Err("it is too short to be a filter"));
            }
            Err(error) => return Err(error),
        }
        Ok(Self::parse(&bytes))
    }

    fn parse(bytes: &[u8; HEAD]) -> Result<Self, &'static str> {
        let mut fields = Fields(bytes);
        if fields.take::<8>() != *MAGIC {
            return Err("it is no filter of breached passwords");
        }
        if u32::from_le_bytes(fields.take()) != VERSION {
            return Err("it was made by another version of this program");
        }
        let passwords = u64::from_le_bytes(fields.take());
        let seed = u64::from_le_bytes(fields.take());
        let segment_length = u32::from_le_bytes(fields.take());
        let segment_count_length = u32::from_le_bytes(fields.take());
        let descriptor = Descriptor {
            seed,
            segment_length,
            segment_length_mask: segment_length.wrapping_sub(1),
            segment_count_length,
        };
        Ok(Self { passwords, descriptor, fingerprints: u64::from_le_bytes(fields.take()) })
    }

    /// How many fingerprints follow, when a lookup can never reach beyond them and the file is as long as
    /// that says.
    fn fingerprints(&self, file_length: u64) -> Result<usize, &'static str> {
        let segment = self.descriptor.segment_length;
        let segments = self.descriptor.segment_count_length;
        let reached = u64::from(segments) + 2 * u64::from(segment);
        let sound = segment.is_power_of_two() && segments > 0 && segments.is_multiple_of(segment);
        if !sound || self.fingerprints < reached {
            return Err("its lengths contradict each other");
        }
        let count = usize::try_from(self.fingerprints).map_err(|_| "it is larger than this machine")?;
        if size_of(count) == file_length { Ok(count) } else { Err("it is cut off or has something added") }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        field[..taken.len()].copy_from_slice(taken);
        self.0 = rest;
        field
    }
}

/// Reads or writes through, and sums up what passes.
struct Summed<T> {
    inner: T,
    sum: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum.update(&buffer[..read]);
        Ok(read)
    }
}
