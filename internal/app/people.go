package app

// person is somebody of the demonstration.
type person struct {
	username, name, group string
}

// people are invented.
var people = []person{
	{"amara.osei", "Amara Osei", "Engineering"}, {"anton.lindqvist", "Anton Lindqvist", "Engineering"},
	{"beatriz.salgado", "Beatriz Salgado", "Finance"}, {"bram.devries", "Bram de Vries", "Support"},
	{"camille.roux", "Camille Roux", "People"}, {"chidi.eze", "Chidi Eze", "Engineering"},
	{"clara.winther", "Clara Winther", "Sales"}, {"daniel.harrow", "Daniel Harrow", "Sales"},
	{"deepa.raman", "Deepa Raman", "Engineering"}, {"dmitri.volkov", "Dmitri Volkov", "Support"},
	{"elena.marchetti", "Elena Marchetti", "Finance"}, {"elif.demir", "Elif Demir", "Engineering"},
	{"emil.novak", "Emil Novák", "IT operations"}, {"farah.haddad", "Farah Haddad", "People"},
	{"felix.brandt", "Felix Brandt", "IT operations"}, {"freya.hansen", "Freya Hansen", "Sales"},
	{"gabriel.costa", "Gabriel Costa", "Engineering"}, {"hana.kimura", "Hana Kimura", "Engineering"},
	{"henrik.aalto", "Henrik Aalto", "Support"}, {"imani.mwangi", "Imani Mwangi", "Finance"},
	{"ingrid.solberg", "Ingrid Solberg", "Engineering"}, {"ivo.petrov", "Ivo Petrov", "Support"},
	{"jana.kowalska", "Jana Kowalska", "Sales"}, {"jonas.weiss", "Jonas Weiß", "Engineering"},
	{"kenji.mori", "Kenji Mori", "Engineering"}, {"laila.benali", "Laila Benali", "People"},
	{"lucas.moreau", "Lucas Moreau", "Support"}, {"maeve.byrne", "Maeve Byrne", "Finance"},
	{"marek.dusek", "Marek Dušek", "IT operations"}, {"mei.zhang", "Mei Zhang", "Engineering"},
	{"nadia.rahimi", "Nadia Rahimi", "Sales"}, {"nils.berg", "Nils Berg", "Engineering"},
	{"oscar.delgado", "Oscar Delgado", "Support"}, {"priya.nair", "Priya Nair", "Engineering"},
	{"rosa.ferreira", "Rosa Ferreira", "Finance"}, {"samir.aziz", "Samir Aziz", "Sales"},
	{"sofia.lindgren", "Sofia Lindgren", "Engineering"}, {"tomas.hruby", "Tomáš Hrubý", "Support"},
	{"yara.santos", "Yara Santos", "People"}, {"zoe.martin", "Zoé Martin", "Sales"},
}

// services are accounts without a person.
var services = []person{
	{"svc-backup", "Nightly backup", ""}, {"svc-ci", "Build server", ""}, {"svc-monitoring", "Monitoring", ""},
}

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
}
