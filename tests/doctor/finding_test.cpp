#include "doctor/finding.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace trainyard::doctor {
namespace {

Diagnosis example() {
  Diagnosis diagnosis;
  diagnosis.job = "17_2";
  diagnosis.ranks = 2;
  diagnosis.nodes = 1;
  diagnosis.backend = "mpi+shm";
  diagnosis.findings = {{"ranks", "all", Level::kOk, "MPI has 2"},
                        {"space", "n1", Level::kWarning, "little"},
                        {"cores", "rank 0 n1", Level::kError, "few \xff"}};
  diagnosis.sweep = {{1 << 20, 123.4, 8.5}};
  return diagnosis;
}

TEST(Diagnosis, IsATableForPeople) {
  EXPECT_EQ(to_table(example()),
            "ranks       all        ok       MPI has 2\n"
            "space       n1         warning  little\n"
            "cores       rank 0 n1  error    few \xff\n"
            "all-reduce  all        ok       1.00 MiB: 123 us, 8.50 GB/s bus bandwidth\n"
            "2 ranks on 1 node, mpi+shm: 1 errors, 1 warnings\n");
}

TEST(Diagnosis, IsJsonForCollect) {
  const auto document = nlohmann::json::parse(to_json(example()));
  EXPECT_EQ(document.at("schema"), "trainyard-doctor/1");
  EXPECT_EQ(document.at("job"), "17_2");
  EXPECT_EQ(document.at("ranks"), 2);
  EXPECT_EQ(document.at("findings").at(1).at("level"), "warning");
  EXPECT_EQ(document.at("findings").at(2).at("check"), "cores");
  EXPECT_EQ(document.at("all_reduce").at(0).at("busbw_gbps"), 8.5);
}

}  // namespace
}  // namespace trainyard::doctor
