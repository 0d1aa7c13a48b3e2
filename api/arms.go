package api

import (
	"fmt"

	"footfall/metric"
)

// ExperimentTold tells of an experiment whose arms a question asks for.
type ExperimentTold struct {
	Experiment string `json:"experiment"` // its id or, of one without, its name
	Units      int64  `json:"units"`      // visitors who were exposed to it, up to the end of the window
	LeftOut    int64  `json:"left_out"`   // those of them who were exposed to several arms, and are in none
}

// tellExposed spells what is told of experiments; nil of none.
func tellExposed(all []metric.Exposed) (told []ExperimentTold) {
	for _, e := range all {
		told = append(told, ExperimentTold{e.Experiment, e.Units, e.Mixed})
	}
	return told
}

// Warning says who is left out; "" if nobody is.
func (e ExperimentTold) Warning() string {
	if e.LeftOut == 0 {
		return ""
	}
	share, _ := metric.Share.Value(e.LeftOut, e.Units)
	return fmt.Sprintf("%d of %d visitors of the experiment %s were exposed to several arms, and are left out of all (%s %%)", e.LeftOut, e.Units, e.Experiment, metric.BounceRate.Spell(share))
}

// experimentSchema describes what is told of experiments.
func experimentSchema() obj {
	return listOf(object(obj{"experiment": text("Its id or, of one without, its name"), "units": obj{"type": "integer", "description": "Visitors who were exposed to it, up to the end of the window"},
		"left_out": obj{"type": "integer", "description": "Those of them who were exposed to several arms, and are in none"}}))
}

// graphExperiment is an ExperimentTold as GraphQL spells it.
type graphExperiment struct {
	Site           *string
	Experiment     string
	Units, LeftOut exact
}

func graphExposed(told []ExperimentTold) []*graphExperiment {
	all := []*graphExperiment{}
	for _, e := range told {
		all = append(all, &graphExperiment{nil, e.Experiment, count(e.Units), count(e.LeftOut)})
	}
	return all
}
