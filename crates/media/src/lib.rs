//! Pictures become portraits, documents give their text, within bounds of time and memory.
//!
//! | what | how it is kept within bounds |
//! | --- | --- |
//! | [`ImagePortraits`] | the structure of a picture is read before anything is decoded: how many pixels it has and what its decoder will need of memory are known, and refused, beforehand |
//! | [`BoundedTexts`] | a PDF is read by a process of its own ([`pdf_child_main`]) that the operating system bounds, and that is killed when it takes too long |

mod portraits;

pub use portraits::{ImagePortraits, PortraitSettings};
