-- lua health_test.lua PATH-OF-HEALTH.LUA: what Argo CD would show for statuses as the operator writes them.
local text = assert(io.open(arg[1])):read("a")

local function health(object)
  return assert(load(text, "health.lua", "t", setmetatable({obj = object}, {__index = _G})))().status
end

local function object(conditions, spec)
  local list = {}
  for type, condition in pairs(conditions) do
    list[#list + 1] = {type = type, status = condition[1], reason = condition[2] or "Reason", message = type}
  end
  return {metadata = {generation = 2}, spec = spec or {}, status = {observedGeneration = 2, conditions = list}}
end

local failures = 0
local function expect(what, status, subject)
  local found = health(subject)
  if found ~= status then
    failures = failures + 1
    print(what .. ": expected " .. status .. ", found " .. found)
  end
end

expect("new", "Progressing", {metadata = {generation = 1}, spec = {}})
expect("not looked at since the last change", "Progressing", {metadata = {generation = 3}, spec = {}, status = object({Ready = {"True"}}).status})
expect("protected", "Healthy", object {Ready = {"True"}, Protected = {"True"}, Complete = {"True"}, Running = {"True"}})
expect("objective missed", "Degraded", object {Ready = {"True"}, Protected = {"False", "ObjectiveMissed"}})
expect("first backup not in yet", "Progressing", object {Ready = {"True"}, Protected = {"False", "NeverCovered"}})
expect("stalled", "Degraded", object {Ready = {"False"}, Stalled = {"True"}})
expect("waits for its repository", "Progressing", object {Ready = {"False"}, Reconciling = {"True"}})
expect("suspended", "Suspended", object({Ready = {"True"}}, {suspend = true}))
expect("repository with damage", "Degraded", object {Ready = {"True"}, Verified = {"False", "DamageFound"}})
expect("restore at work", "Progressing", object {Succeeded = {"Unknown", "Progressing"}, Reconciling = {"True"}})
expect("restore done", "Healthy", object {Succeeded = {"True"}})
expect("restore cancelled", "Degraded", object {Succeeded = {"False", "Cancelled"}})
os.exit(failures == 0)
