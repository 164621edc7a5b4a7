-- What the gateway does with a key, for Envoy's Lua filter. TOKENS is set before this: what a client shows as its key → the token that
-- services see in place of it. A token of a signed-in user passes as it is; the services verify it. Of the route's metadata:
-- key_optional, without a key a request passes as it is; key_header, a header that the service looks for the token in, too.

local REFUSED = '{"message":"no such API key: send a key of this stack as the header apikey"}'

-- The path without its query's apikey, and that key.
local function split(path)
  local before, query = path:match("^([^?]*)%?(.*)$")
  if not query then return path, nil end
  local kept, key = {}, nil
  for pair in query:gmatch("[^&]+") do
    local value = pair:match("^apikey=(.*)$")
    if value then key = value else kept[#kept + 1] = pair end
  end
  if #kept == 0 then return before, key end
  return before .. "?" .. table.concat(kept, "&"), key
end

function envoy_on_request(handle)
  local headers, route = handle:headers(), handle:metadata()
  local optional, also = route:get("key_optional"), route:get("key_header")
  local authorization = headers:get("authorization")
  local path, shown = split(headers:get(":path"))
  local bearer = authorization and authorization:match("^[Bb]earer%s+(.*)$")
  local key = headers:get("apikey") or shown or (optional and bearer)
  local token = key and TOKENS[key]
  if not token then
    if optional then return end
    handle:respond({ [":status"] = "401", ["content-type"] = "application/json" }, REFUSED)
    return
  end
  if shown then headers:replace(":path", path) end
  headers:remove("apikey")
  if also then headers:replace(also, token) end
  if not authorization then
    headers:replace("authorization", "Bearer " .. token)
  elseif TOKENS[bearer or ""] then
    headers:replace("authorization", "Bearer " .. TOKENS[bearer])
  end
end
