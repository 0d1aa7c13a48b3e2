// Code generated from the catalogue by names_test.go; DO NOT EDIT.

package client

// Metric is what can be counted; docs/words.md tells what each is.
type Metric string

// The metrics.
const (
	PageViews            Metric = "PageViews"
	Visitors             Metric = "Visitors"
	Sessions             Metric = "Sessions"
	Bounces              Metric = "Bounces"
	Downloads            Metric = "Downloads"
	ProductViews         Metric = "ProductViews"
	CartAdds             Metric = "CartAdds"
	Orders               Metric = "Orders"
	Revenue              Metric = "Revenue"
	Refunds              Metric = "Refunds"
	Refunded             Metric = "Refunded"
	AverageOrder         Metric = "AverageOrder"
	Events               Metric = "Events"
	SessionViews         Metric = "SessionViews"
	SessionSeconds       Metric = "SessionSeconds"
	BounceRate           Metric = "BounceRate"
	ViewsPerSession      Metric = "ViewsPerSession"
	SessionDuration      Metric = "SessionDuration"
	TimedViews           Metric = "TimedViews"
	PageSeconds          Metric = "PageSeconds"
	TimeOnPage           Metric = "TimeOnPage"
	GoalCompletions      Metric = "GoalCompletions"
	GoalVisitors         Metric = "GoalVisitors"
	GoalRate             Metric = "GoalRate"
	GoalValue            Metric = "GoalValue"
	GoalAudience         Metric = "GoalAudience"
	Clicks               Metric = "Clicks"
	Conversions          Metric = "Conversions"
	Sales                Metric = "Sales"
	Commissions          Metric = "Commissions"
	CommissionsPending   Metric = "CommissionsPending"
	CommissionsHeld      Metric = "CommissionsHeld"
	CommissionsAvailable Metric = "CommissionsAvailable"
	CommissionsInPayout  Metric = "CommissionsInPayout"
	CommissionsPaid      Metric = "CommissionsPaid"
	CommissionsReversed  Metric = "CommissionsReversed"
	EPC                  Metric = "EPC"
	ConversionRate       Metric = "ConversionRate"
)

// Dimension is what figures are told and filtered by.
type Dimension string

// The dimensions.
const (
	ByPage           Dimension = "page"
	ByHost           Dimension = "host"
	BySource         Dimension = "source"
	ByClass          Dimension = "class"
	ByReferrer       Dimension = "referrer"
	ByCountry        Dimension = "country"
	ByDevice         Dimension = "device"
	ByBrowser        Dimension = "browser"
	ByOs             Dimension = "os"
	ByUtmSource      Dimension = "utm_source"
	ByUtmMedium      Dimension = "utm_medium"
	ByUtmCampaign    Dimension = "utm_campaign"
	ByUtmTerm        Dimension = "utm_term"
	ByUtmContent     Dimension = "utm_content"
	ByBot            Dimension = "bot"
	ByChannel        Dimension = "channel"
	ByEvent          Dimension = "event"
	ByTitle          Dimension = "title"
	ByProduct        Dimension = "product"
	ByCategory       Dimension = "category"
	ByRegion         Dimension = "region"
	ByCity           Dimension = "city"
	ByBrowserVersion Dimension = "browser_version"
	ByOsVersion      Dimension = "os_version"
	ByLanguage       Dimension = "language"
	ByScreen         Dimension = "screen"
	ByEntryPage      Dimension = "entry_page"
	ByExitPage       Dimension = "exit_page"
	ByWeekday        Dimension = "weekday"
	ByHourOfDay      Dimension = "hour_of_day"
	BySegment        Dimension = "segment"
	ByGoal           Dimension = "goal"
	ByAffiliate      Dimension = "affiliate"
	ByCode           Dimension = "code"
	BySub            Dimension = "sub"
	ByCoupon         Dimension = "coupon"
	ByWebsite        Dimension = "website"
)

// The time as a dimension: by the usual step of the range, or by one that is named.
const (
	ByTime       Dimension = "time"
	ByTimeMinute Dimension = "time:minute"
	ByTime15m    Dimension = "time:15m"
	ByTimeHour   Dimension = "time:hour"
	ByTimeDay    Dimension = "time:day"
	ByTimeWeek   Dimension = "time:week"
	ByTimeMonth  Dimension = "time:month"
	ByTimeYear   Dimension = "time:year"
)

// Property is the dimension of an event's property.
func Property(name string) Dimension { return Dimension("property:" + name) }

// Arm is the dimension of an experiment's arms, by its id or, of one without, its name.
func Arm(experiment string) Dimension { return Dimension("arm:" + experiment) }
