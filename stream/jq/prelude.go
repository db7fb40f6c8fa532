package jq

import (
	"fmt"
	"sync"

	"github.com/itchyny/gojq"
)

// definitions are the functions that jq defines in jq. They are Hydrant's own, so that what they call is charged for too.
const definitions = `
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def add(f): [f] | add;
def abs: if type == "number" and . < 0 then -. else . end;
def not: if . then false else true end;
def select(f): if f then . else empty end;
def recurse: def r: ., (.[]? | r); r;
def recurse(f): def r: ., (f | r); r;
def recurse(f; cond): def r: ., (f | select(cond) | r); r;
def recurse_down: recurse;
def in(xs): . as $x | xs | has($x);
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def finites: select(isinfinite or isnan | not);
def normals: select(isnormal);
def keys_unsorted: keys;
def to_entries: [keys[] as $k | {key: $k, value: .[$k]}];
def from_entries: map({(.key // .k // .name // .Name // .K // .Key | if type == "string" then . else tojson end):
  (if has("value") then .value else .Value end)}) | add + {} // {};
def with_entries(f): to_entries | map(f) | from_entries;
def range($upto): _range(0; $upto; 1);
def range($from; $upto): _range($from; $upto; 1);
def range($from; $upto; $by): _range($from; $upto; $by);
def while(cond; update): def _while: if cond then ., (update | _while) else empty end; _while;
def until(cond; update): def _until: if cond then . else update | _until end; _until;
def repeat(f): def _repeat: ., (f | _repeat); _repeat;
def first: .[0];
def last: .[-1];
def first(f): label $out | f | ., break $out;
def last(f): reduce f as $x (null; $x);
def nth($n): .[$n];
def nth($n; f): if $n < 0 then error("Out of bounds negative array index") else last(limit($n + 1; f)) end;
def limit($n; f): if $n > 0 then label $out | foreach f as $item (0; . + 1; $item, if . >= $n then break $out else empty end)
  elif $n == 0 then empty else f end;
def isempty(f): label $out | (f | false, break $out), true;
def isvalid(f): try (f | true) catch false;
def all(f; cond): isempty(f | cond | if . then empty else . end);
def all(cond): all(.[]; cond);
def all: all(.);
def any(f; cond): isempty(f | cond | if . then . else empty end) | not;
def any(cond): any(.[]; cond);
def any: any(.);
def min_by(f): _min_by(map([f]));
def max_by(f): _max_by(map([f]));
def sort_by(f): _sort_by(map([f]));
def group_by(f): _group_by(map([f]));
def unique_by(f): _unique_by(map([f]));
def combinations: if length == 0 then [] else .[0][] as $x | [$x] + (.[1:] | combinations) end;
def combinations($n): . as $dot | [range($n)] | map($dot) | combinations;
def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w;
def ascii: [.] | implode;
def del(f): delpaths([path(f)]);
def paths: path(..) | select(length > 0);
def paths(f): . as $dot | paths | select(. as $p | $dot | getpath($p) | f);
def leaf_paths: paths(scalars);
def pick(f): . as $dot | reduce path(f) as $p (null; setpath($p; $dot | getpath($p)));
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def todateiso8601: todate;
def fromdate: fromdateiso8601;
def date: todate;
def match($re): match($re; null);
def match($re; $flags): if $re | type == "array" then _match($re[0]; $re[1]; false) else _match($re; $flags; false) end | .[];
def test($re): test($re; null);
def test($re; $flags): if $re | type == "array" then _match($re[0]; $re[1]; true) else _match($re; $flags; true) end;
def capture($re): capture($re; null);
def capture($re; $flags): match($re; $flags) | _captures;
def _captures: [.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries;
def scan($re): scan($re; null);
def scan($re; $flags): match($re; "g" + $flags) | if .captures == [] then .string else [.captures[].string] end;
def split($re; $flags): . as $s | [foreach (match($re; "g" + $flags), null) as $m ([0, null];
  if $m == null then [0, $s[.[0]:]] else [$m.offset + $m.length, $s[.[0]:$m.offset]] end; .[1])];
def splits($re): splits($re; null);
def splits($re; $flags): split($re; $flags) | .[];
def sub($re; str): sub($re; str; "");
def sub($re; str; $flags): . as $s | [match($re; $flags)] | reduce .[] as $m ([0, ""];
    ($m | _captures | str) as $new | [$m.offset + $m.length, .[1] + $s[.[0]:$m.offset] + $new])
  | .[1] + $s[.[0]:];
def gsub($re; str): sub($re; str; "g");
def gsub($re; str; $flags): sub($re; str; $flags + "g");
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; . + {($row | f | tostring): $row});
def INDEX(f): INDEX(.[]; f);
def _modify(paths; update): reduce path(paths) as $p (.; . as $x | label $out
  | (($x | getpath($p) | update) as $new | $x | setpath($p; $new) | ., break $out), ($x | delpaths([$p])));
def _assign(paths; $value): reduce path(paths) as $p (.; setpath($p; $value));
`

// prelude holds the definitions by name and number of arguments.
var prelude = sync.OnceValue(func() map[string]*gojq.FuncDef {
	parsed, err := gojq.Parse(definitions + ".")
	if err != nil {
		panic("jq: the definitions do not parse: " + err.Error()) // they are constant
	}
	all := map[string]*gojq.FuncDef{}
	for _, d := range parsed.FuncDefs {
		all[fmt.Sprintf("%s/%d", d.Name, len(d.Args))] = d
	}
	return all
})
