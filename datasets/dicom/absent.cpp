// The build without DCMTK: everything that reads DICOM ends here.
#include "datasets/dicom/dataset.h"
#include "tensor/check.h"

namespace medusa::datasets {

struct DicomFile::Parsed {};

bool have_dicom() { return false; }

DicomFile DicomFile::parse(std::span<const unsigned char>, const std::string&) { fail_input("{}", dicom_absent()); }

// Never called, since there is never a DicomFile.
DicomFile::DicomFile(std::unique_ptr<Parsed> parsed) : parsed_(std::move(parsed)) {}
DicomFile::DicomFile(DicomFile&&) noexcept = default;
DicomFile::~DicomFile() = default;
DicomItem DicomFile::root() const { return {nullptr, nullptr}; }
std::string DicomFile::transfer_syntax() const { return ""; }
DicomCells DicomFile::cells() { return {}; }
bool DicomItem::has(DicomTag) const { return false; }
std::string DicomItem::text(DicomTag) const { return ""; }
std::vector<double> DicomItem::numbers(DicomTag) const { return {}; }
std::vector<DicomItem> DicomItem::items(DicomTag) const { return {}; }

}  // namespace medusa::datasets
