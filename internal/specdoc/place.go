package specdoc

import (
	"maps"
	"slices"
)

// Place tells how the members of an object are to be read.
type Place int

// The kinds of places.
const (
	// Fields is an object whose keys are OpenAPI's own.
	Fields Place = iota
	// Names is an object whose keys are names that the author chose: the
	// property called "example" is a schema, the response called "default" too.
	Names
	// Data is an instance of the API's data. A "$ref" in it is not a reference.
	Data
)

// Child returns the place of the member key of an object at p.
func (p Place) Child(key string) Place {
	switch p {
	case Data:
		return Data
	case Names:
		return Fields
	default:
		return members[key]
	}
}

var members = map[string]Place{
	"example": Data, "examples": Data, "enum": Data, "const": Data, "default": Data,

	"properties": Names, "patternProperties": Names, "dependentSchemas": Names, "$defs": Names,
	"paths": Names, "responses": Names, "content": Names, "headers": Names,
	"links": Names, "callbacks": Names, "encoding": Names, "mapping": Names, "variables": Names,
}

// SortedKeys returns the keys of an object in a fixed order.
func SortedKeys(o Object) []string { return slices.Sorted(maps.Keys(o)) }
