namespace Ote.Tests;

/// <summary>
/// Text that describes something other people build on, kept in the repository so that a change of it is seen in review. A test makes the
/// text anew and compares.
/// </summary>
internal static class ReviewedText
{
    private const string Update = "OTE_UPDATE_REVIEWED";

    /// <summary>The folder that holds Ote.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Compares with the file's lines, those that begin with # aside; says what differs and how a wished change is recorded.</summary>
    /// <param name="file">Path from the repository's root.</param>
    /// <param name="actual">The lines as they should be.</param>
    /// <param name="test">The class that asks, for the command that updates.</param>
    /// <param name="whenGone">What to think of lines that are gone.</param>
    public static void Check(string file, IEnumerable<string> actual, string test, string whenGone)
    {
        string path = Path.Combine(Root, file);
        string[] recorded = File.Exists(path) ? File.ReadAllLines(path) : [];
        string[] head = [.. recorded.TakeWhile(line => line.StartsWith('#'))], before = recorded[head.Length..], now = [.. actual];
        if (before.SequenceEqual(now))
            return;
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            File.WriteAllLines(path, [.. head, .. now]);
            return;
        }
        Assert.Fail($"""
            {file} is not what the build is.
            {List("Gone", before.Except(now), whenGone)}{List("New", now.Except(before), "Nobody uses it yet: is it as it should stay?")}If the change is meant, record it and look at the difference before you commit it:
                {Update}=1 ./ote test --filter-class '*{test}'
            """);
    }

    private static string List(string title, IEnumerable<string> lines, string thought)
    {
        string[] all = [.. lines];
        return all.Length == 0 ? "" : $"{title}. {thought}\n    {string.Join("\n    ", all)}\n";
    }

    private static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Ote.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new FileNotFoundException("no Ote.slnx above the tests");
        return folder;
    }
}
