-- trainyard, as built in the checkout that this file lies in.
--   module use CHECKOUT/modules && module load trainyard
-- Modules that it was built with (compiler, MPI, HDF5) are loaded before it; a site's file in slurm/sites names them.
local modulefile = myFileName()
local root = modulefile:match("^(.*)/modules/trainyard/[^/]*$")
local bin = pathJoin(root, "build/release/bin")

help([[
trainyard: batch studies of distributed deep learning on Slurm.
Programs: train infer launch generate collect pack bench. Each takes --help.
Sbatch files are submitted from the checkout, $TRAINYARD_ROOT: they call tools/launch there.
]])
whatis("Name: trainyard")
whatis("Version: " .. myModuleVersion())
whatis("Description: batch toolkit for distributed deep-learning studies on Slurm clusters")

conflict("trainyard")
if mode() == "load" and not isFile(pathJoin(bin, "generate")) then
  LmodError("trainyard is not built in " .. root .. ": run tools/build there, or sbatch slurm/build.sbatch")
end
setenv("TRAINYARD_ROOT", root)
prepend_path("PATH", bin)
