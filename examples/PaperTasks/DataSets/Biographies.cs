using System.Text;

namespace PaperTasks.DataSets;

/// <summary>Lives that nobody lived: facts, and texts that say them, in the files of <see cref="E2e"/>.</summary>
/// <remarks>
/// A grammar writes the texts, so a program with the same sentences would write them without a fault. The set shows whether a language model learns to:
/// which facts there are, how they are said, and who is "he" or "she".
/// </remarks>
internal static class Biographies
{
    private const int TextsPerDevRow = 4;

    private static readonly string[] Men =
    [
        "Albert", "Alexander", "Arthur", "Charles", "Daniel", "David", "Edward", "Francis", "Frederick", "George", "Henry", "James", "John", "Joseph",
        "Martin", "Matthew", "Peter", "Philip", "Richard", "Robert", "Samuel", "Stephen", "Thomas", "Walter", "William",
    ];

    private static readonly string[] Women =
    [
        "Agnes", "Alice", "Anne", "Catherine", "Charlotte", "Clara", "Dorothy", "Eleanor", "Elizabeth", "Ellen", "Emily", "Emma", "Fanny", "Grace",
        "Harriet", "Helen", "Jane", "Julia", "Laura", "Lucy", "Margaret", "Martha", "Mary", "Rose", "Sarah",
    ];

    private static readonly string[] Families =
    [
        "Adams", "Allen", "Bennett", "Blake", "Brown", "Carter", "Clark", "Cole", "Cooper", "Crawford", "Douglas", "Elliot", "Evans", "Fielding", "Ford",
        "Grant", "Gray", "Green", "Hall", "Hamilton", "Harris", "Hill", "Howard", "Hunter", "Jackson", "King", "Lewis", "Marsh", "Mason", "Miller",
        "Moore", "Morgan", "Morris", "Murray", "Nelson", "Owen", "Palmer", "Parker", "Reed", "Rogers", "Russell", "Scott", "Shaw", "Smith", "Stewart",
        "Taylor", "Turner", "Walker", "Ward", "Watson", "White", "Wilson", "Wood", "Wright", "Young",
    ];

    private static readonly string[] Occupations =
    [
        "actor", "architect", "artist", "banker", "builder", "doctor", "engineer", "farmer", "gardener", "judge", "lawyer", "merchant", "musician",
        "painter", "physician", "poet", "printer", "scientist", "soldier", "teacher", "writer",
    ];

    private static readonly string[] Places =
    [
        "Bath", "Berlin", "Boston", "Bristol", "Cambridge", "Chicago", "Cork", "Dublin", "Edinburgh", "Exeter", "Glasgow", "Leeds", "Liverpool", "London",
        "Manchester", "Melbourne", "Milan", "Naples", "Norwich", "Oxford", "Paris", "Philadelphia", "Plymouth", "Rome", "Venice", "Vienna", "York",
    ];

    /// <summary>Writes <c>trainset.csv</c>, a text per life, and <c>devset.csv</c>, four texts per life.</summary>
    /// <returns>The files.</returns>
    public static DataFiles Write(string folder, int rows, int devRows, int seed)
    {
        Directory.CreateDirectory(folder);
        var random = new Random(seed);
        var files = new DataFiles(Path.Combine(folder, "trainset.csv"), Path.Combine(folder, "devset.csv"));
        var known = new HashSet<string>(StringComparer.Ordinal);
        File.WriteAllText(files.Train, Rows(rows, 1, random, known));
        File.WriteAllText(files.Dev, Rows(devRows, TextsPerDevRow, random, known));
        return files;
    }

    // No life stands in both files.
    private static string Rows(int count, int texts, Random random, HashSet<string> known)
    {
        var lines = new StringBuilder("mr,ref\n");
        for (int row = 0; row < count; row++)
        {
            Life life = Life.Draw(random);
            while (!known.Add(life.Name))
                life = Life.Draw(random);
            foreach (string text in Enumerable.Range(0, texts).Select(_ => life.Describe(random)).Distinct())
                lines.Append('"').Append(life.Facts()).Append("\",\"").Append(text).Append("\"\n");
        }
        return lines.ToString();
    }

    /// <param name="Moved">Where the person moved to; null where nothing is known.</param>
    /// <param name="Spouse">Likewise.</param>
    /// <param name="Died">A year, likewise.</param>
    private sealed record Life(string Name, bool IsWoman, string Occupation, string Birthplace, int Born, string? Moved, string? Spouse, int? Died)
    {
        private string He => IsWoman ? "She" : "He";

        private string His => IsWoman ? "Her" : "His";

        public static Life Draw(Random random)
        {
            bool isWoman = random.Next(2) == 0;
            string family = Pick(random, Families), birthplace = Pick(random, Places), moved = Pick(random, Places);
            int born = random.Next(1760, 1860);
            return new(
                $"{Pick(random, isWoman ? Women : Men)} {family}", isWoman, Pick(random, Occupations), birthplace, born,
                moved == birthplace || random.Next(3) == 0 ? null : moved,
                random.Next(2) == 0 ? null : $"{Pick(random, isWoman ? Men : Women)} {Pick(random, Families)}",
                random.Next(3) == 0 ? null : born + random.Next(30, 85));
        }

        public string Facts()
        {
            (string Name, string? Value)[] facts =
            [
                ("name", Name), ("occupation", Occupation), ("born", $"{Born}"), ("birthplace", Birthplace), ("moved", Moved), ("married", Spouse),
                ("died", Died is { } year ? $"{year}" : null),
            ];
            return string.Join(", ", facts.Where(fact => fact.Value is not null).Select(fact => $"{fact.Name}[{fact.Value}]"));
        }

        public string Describe(Random random)
        {
            List<string> sentences = [Pick(random, Births())];
            sentences.AddRange((Moved, Spouse) switch
            {
                ({ } city, { } spouse) => [Pick(random,
                    $"{He} moved to {city} and married {spouse}.", $"{He} married {spouse} and moved to {city}.",
                    $"{He} moved to {city}. There {(IsWoman ? "she" : "he")} married {spouse}.")],
                ({ } city, null) => [Pick(random, $"{He} moved to {city}.", $"Later {(IsWoman ? "she" : "he")} lived in {city}.")],
                (null, { } spouse) => [Pick(random, $"{He} married {spouse}.", $"{His} {(IsWoman ? "husband" : "wife")} was {spouse}.")],
                _ => (IEnumerable<string>)[],
            });
            if (Died is { } year)
                sentences.Add(Pick(random, $"{He} died in {year}.", $"{His} life ended in {year}."));
            return string.Join(' ', sentences);
        }

        private string[] Births()
        {
            string occupation = $"{("aeio".Contains(Occupation[0]) ? "an" : "a")} {Occupation}";
            return
            [
                $"{Name} was {occupation} who was born in {Birthplace} in {Born}.", $"{Name}, {occupation}, was born in {Born} in {Birthplace}.",
                $"Born in {Birthplace} in {Born}, {Name} was {occupation}.",
            ];
        }

        private static string Pick(Random random, params string[] values) => values[random.Next(values.Length)];
    }
}
