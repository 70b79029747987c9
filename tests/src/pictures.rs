//! Pictures as people send them, and as nobody should.

use std::io::Write as _;

use flate2::{Compress, Compression, Crc, FlushCompress, write::ZlibEncoder};

/// A PNG that is being put together (ISO/IEC 15948).
#[derive(Debug, Clone)]
pub struct Png(Vec<u8>);

impl Png {
    /// The beginning of one: how large it says that it is, and how it holds its pixels (2: red, green and blue; 0: grey).
    pub fn of_size(width: u32, height: u32, depth: u8, colour: u8) -> Self {
        let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
        header.extend([depth, colour, 0, 0, 0]);
        Self(b"\x89PNG\r\n\x1a\n".to_vec()).chunk(*b"IHDR", &header)
    }

    /// With a chunk.
    #[must_use]
    pub fn chunk(mut self, kind: [u8; 4], data: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(&kind);
        crc.update(data);
        self.0.extend(u32::try_from(data.len()).expect("small").to_be_bytes());
        self.0.extend(kind);
        self.0.extend(data);
        self.0.extend(crc.sum().to_be_bytes());
        self
    }

    /// With its pixels, all of one red; and its end.
    pub fn red(self, width: u32, height: u32) -> Vec<u8> {
        let line = [vec![0], [200, 30, 30].repeat(width as usize)].concat();
        self.filled(&line.repeat(height as usize))
    }

    /// With these bytes as its pixels, packed; and its end.
    pub fn filled(self, bytes: &[u8]) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).expect("memory takes all");
        self.ended(&packed.finish().expect("memory takes all"))
    }

    /// With what is packed already, and its end.
    pub fn ended(self, packed: &[u8]) -> Vec<u8> {
        self.chunk(*b"IDAT", packed).chunk(*b"IEND", &[]).0
    }
}

/// So many bytes that unpack to a thousand times as many zeros.
pub fn bomb(size: usize) -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let mut block = Vec::with_capacity(64 << 10);
    let mut packer = Compress::new(Compression::best(), false);
    packer.compress_vec(&zeros, &mut block, FlushCompress::Full).expect("packs");
    // After a full flush the same bytes are packed in the same way.
    let mut bomb = vec![0x78, 0xda];
    while bomb.len() + block.len() <= size {
        bomb.extend_from_slice(&block);
    }
    bomb
}

/// A JPEG with something more after its first mark: a segment of EXIF that holds this text.
pub fn with_exif(jpeg: &[u8], text: &str) -> Vec<u8> {
    let data = [b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", text.as_bytes()].concat();
    let length = u16::try_from(data.len() + 2).expect("small").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &data, &jpeg[2..]].concat()
}

/// The width and height of a JPEG (ITU-T T.81, B.2.2).
pub fn jpeg_size(jpeg: &[u8]) -> (u16, u16) {
    assert!(jpeg.starts_with(&[0xff, 0xd8]), "it is no JPEG");
    let mut at = 2;
    loop {
        let (marker, length) = (jpeg[at + 1], usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])));
        if (0xc0..=0xc2).contains(&marker) {
            let number = |at: usize| u16::from_be_bytes([jpeg[at], jpeg[at + 1]]);
            return (number(at + 7), number(at + 5));
        }
        at += 2 + length;
    }
}
