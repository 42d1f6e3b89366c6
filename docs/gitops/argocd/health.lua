-- Health of PhotoBackup, KlosetRepository and PhotoRestore. The statuses are in the kstatus format; beyond it, a backup that is
-- not protected, a repository with damage and a restore that failed are Degraded.
local health = {status = "Progressing", message = "Waiting for the operator"}
if obj.status == nil or obj.status.conditions == nil then return health end
if obj.status.observedGeneration ~= obj.metadata.generation then return health end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do conditions[condition.type] = condition end

local function is(type, status) return conditions[type] ~= nil and conditions[type].status == status end
local function say(status, type) return {status = status, message = conditions[type].message} end

if obj.spec.suspend == true then return {status = "Suspended", message = "suspend is set"} end
if is("Stalled", "True") then return say("Degraded", "Stalled") end
if is("Succeeded", "True") then return say("Healthy", "Succeeded") end
if is("Succeeded", "False") and conditions["Succeeded"].reason ~= "Progressing" then return say("Degraded", "Succeeded") end
if is("Verified", "False") then return say("Degraded", "Verified") end
if is("Reconciling", "True") then return say("Progressing", "Reconciling") end
if is("Protected", "False") and conditions["Protected"].reason ~= "NeverCovered" then return say("Degraded", "Protected") end
if is("Protected", "False") then return say("Progressing", "Protected") end
if is("Ready", "True") then return say("Healthy", "Ready") end
return health
