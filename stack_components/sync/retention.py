"""Renders a retention rule as a Lua script for regbot."""

from __future__ import annotations

import re

from infra.blocks.sync import RetentionRule
from infra.blocks.tag_patterns import PLAIN_ITEM

# Functions of regbot: https://regclient.org/usage/regbot/. Tags have at most 128 characters, so numbers that are padded to that
# length compare by value. Signatures are tags too (sha256-…); they are deleted with what they sign.
_SCRIPT = """\
local function matches(name)
  for _, pattern in ipairs(patterns) do
    if name:match(pattern) and name:sub(1, 7) ~= "sha256-" then return true end
  end
end

local function by_value(name)
  return name:gsub("%d+", function(digits) return ("0"):rep(128 - #digits) .. digits end) .. " " .. name
end

local listed, names = pcall(tag.ls, repository)
if not listed then
  if not tostring(names):find("not found", 1, true) then error(names) end
  log("the repository does not exist")
  return
end

local matching, values = {}, {}
for _, name in ipairs(names) do
  if matches(name) then
    table.insert(matching, name)
    values[name] = by_value(name)
  end
end
table.sort(matching, function(one, other) return values[one] < values[other] end)

log("deleting " .. math.max(#matching - keep, 0) .. " of " .. #matching .. " matching tags")
for i = 1, #matching - keep do
  tag.delete(repository .. ":" .. matching[i])
end
"""


def retention_script(rule: RetentionRule, registry: str) -> str:
    """Return a script that deletes tags according to a rule. regbot logs each tag; the first failure ends the script.

    regbot needs the right to delete: without it, it replaces the tag with an empty image
    (https://github.com/regclient/regclient/blob/v0.11.6/scheme/reg/tag.go).
    """
    patterns = ", ".join(f'"{pattern}"' for pattern in lua_patterns(rule.tags))
    return f"""\
local repository, keep = "{registry}/{rule.repository}", {rule.keep}
local patterns = {{{patterns}}}

{_SCRIPT}"""


def lua_patterns(expression: str) -> list[str]:
    """Return Lua patterns that together match the same whole tags as a plain regular expression.

    They contain no quotation marks and no backslashes.
    """
    return [f"^{''.join(map(_item, PLAIN_ITEM.finditer(alternative)))}$" for alternative in expression.split("|")]


def _item(item: re.Match[str]) -> str:
    """Return a character with its quantifier. Lua has no counts, so they are written out."""
    character = _character(item["character"])
    if item["least"] is None:
        return character + (item["sign"] or "")
    least = int(item["least"])
    if item["open"] is None:
        return character * least
    return character * least + (f"{character}?" * (int(item["most"]) - least) if item["most"] else f"{character}*")


def _character(character: str) -> str:
    if character.startswith("["):
        inner = re.findall(r"\\.|[^\\]-[^\\-]|.", character[1:-1].removeprefix("^"))
        return f"[{'^' if character[1] == '^' else ''}{''.join(map(_set_member, inner))}]"
    if character == ".":
        return "."
    return "[%w_]" if character == r"\w" else _set_member(character)


def _set_member(member: str) -> str:
    match member:
        case r"\d":
            return "%d"
        case r"\w":
            return "%w_"
        case "-" | "." | r"\-" | r"\.":
            return f"%{member[-1]}"
    return member
