#include "training/provenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trainyard::training {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(TellingEnvironment, KeepsWhatTellsHowARunWasCarriedOut) {
  EXPECT_THAT(telling_environment({{"OMP_NUM_THREADS", "4"}, {"SLURM_JOB_ID", "7"}, {"NCCL_DEBUG", "INFO"}}),
              ElementsAre(Pair("NCCL_DEBUG", "INFO"), Pair("OMP_NUM_THREADS", "4"), Pair("SLURM_JOB_ID", "7")));
}

TEST(TellingEnvironment, LeavesOutPeopleAccountsAndSecrets) {
  EXPECT_TRUE(telling_environment({{"USER", "ann"},
                                   {"HOME", "/home/ann"},
                                   {"SLURM_JOB_USER", "ann"},
                                   {"SLURM_JOB_ACCOUNT", "lab"},
                                   {"AWS_SECRET_ACCESS_KEY", "s"},
                                   {"OMPI_MCA_orte_hnp_uri", "1;tcp://10.0.0.1:7"},
                                   {"TRAINYARD_DATA", "/scratch/ann"}})
                  .empty());
}

TEST(TellingEnvironment, WithholdsValuesThatNameTheUser) {
  EXPECT_THAT(telling_environment({{"USER", "ann7"}, {"NCCL_TOPO_FILE", "/scratch/ann7/topo.xml"}}),
              ElementsAre(Pair("NCCL_TOPO_FILE", "(withheld)")));
}

}  // namespace
}  // namespace trainyard::training
