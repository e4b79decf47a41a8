using Ote.Conformance.Comparing;
using Ote.Conformance.Reviewing;
using Ote.Conformance.Running;
using Ote.Conformance.Statements;
using Ote.Testing.Kubernetes;

namespace Ote.Conformance;

/// <summary>
/// Runs the script at a real kube-apiserver and at the embedded server, by each age of kubectl, and compares. Each age has a pair of servers
/// of its own; the four go side by side.
/// </summary>
public static class ConformanceRun
{
    /// <summary>The ages of kubectl.</summary>
    public static IReadOnlyList<string> Ages { get; } = ["old", "new"];

    /// <summary>The repository's folder of the script.</summary>
    public static string ScriptFolder { get; } = Path.Combine(Repository.Root, "tests", "Ote.Conformance", "Script");

    /// <summary>The repository's file of reviewed differences.</summary>
    public static string ReviewedFile { get; } = Path.Combine(Repository.Root, "tests", "Ote.Conformance", "reviewed.json");

    private const int MostDoubtful = 3; // sections: where more differ, it is not for a busy machine

    /// <summary>
    /// Runs and compares. A section in which something differs is run once more, at servers of its own: a real API server that the machine holds up may leave an address or a port taken by an object that it then did not make. It is
    /// no difference where the real server does as the embedded one then, and that does as it did.
    /// </summary>
    /// <param name="statements">What to run, in order.</param>
    /// <param name="ages">By which kubectls.</param>
    /// <param name="reviewed">The differences that are meant.</param>
    /// <param name="progress">Told what goes on; called from several threads.</param>
    /// <param name="ct">Ends it, and all it started.</param>
    /// <exception cref="InvalidOperationException">A server did not start, or what the script prepares failed.</exception>
    public static async Task<Report> RunAsync(
        IReadOnlyList<Statement> statements, IReadOnlyList<string> ages, ReviewedList reviewed, Action<string> progress, CancellationToken ct)
    {
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        string helm = await KubernetesTools.FindHelmAsync(ct);
        Comparison[][] all = await Task.WhenAll(ages.Select(age => CompareTwiceAsync(statements, age, tools, helm, reviewed, progress, ct)));
        // By statement first, then by age: as the script tells them.
        return new Report([.. statements.SelectMany(statement => all.SelectMany(found => found.Where(c => c.Statement == statement)))]);
    }

    private static async Task<Comparison[]> CompareTwiceAsync(
        IReadOnlyList<Statement> statements, string age, KubernetesTools tools, string helm, ReviewedList reviewed, Action<string> progress, CancellationToken ct)
    {
        Comparison[] first = await CompareAsync(statements, age, tools, helm, reviewed, progress, ct);
        HashSet<string> doubtful = [.. first.Where(c => c.Verdict == Verdict.Different).Select(c => c.Statement.Section)];
        if (doubtful.Count is 0 or > MostDoubtful)
            return first;
        foreach (Comparison differing in first.Where(c => c.Verdict == Verdict.Different))
            progress($"{age} kubectl: differs at the first look: {differing.Statement.Name}\n{string.Join('\n', differing.Difference.Lines)}");
        Comparison[] second = await CompareAsync([.. statements.Where(s => doubtful.Contains(s.Section))], age, tools, helm, reviewed, progress, ct);
        Dictionary<string, Comparison> again = second.ToDictionary(c => c.Statement.Name, StringComparer.Ordinal);
        return [.. first.Select(c => c.Verdict == Verdict.Different ? c.Or(again.GetValueOrDefault(c.Statement.Name)) : c)];
    }

    private static async Task<Comparison[]> CompareAsync(
        IReadOnlyList<Statement> statements, string age, KubernetesTools tools, string helm, ReviewedList reviewed, Action<string> progress, CancellationToken ct)
    {
        // Whichever side fails, the other ends with it.
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task<(IReadOnlyDictionary<string, CommandOutcome> Outcomes, LaneFacts Facts)>[] sides =
        [
            RunSideAsync(Side.StartRealAsync(age, tools, both.Token), both),
            RunSideAsync(Side.StartEmbeddedAsync(both.Token), both),
        ];
        var (real, embedded) = (await Task.WhenAll(sides)) is [var one, var two] ? (one, two) : default;
        return [.. statements.Where(s => s.Kind == StatementKind.Command && s.Runs(age)).Select(statement =>
        {
            (CommandOutcome a, CommandOutcome b) = (real.Outcomes[statement.Name], embedded.Outcomes[statement.Name]);
            Difference difference = Difference.Of(a, real.Facts, b, embedded.Facts);
            return new Comparison(statement, age, difference, Comparison.Judge(difference, reviewed.Meant(statement.Name, age)), a.Took > b.Took ? a.Took : b.Took, Difference.Form(b, embedded.Facts));
        })];

        async Task<(IReadOnlyDictionary<string, CommandOutcome>, LaneFacts)> RunSideAsync(Task<Side> starting, CancellationTokenSource stop)
        {
            try
            {
                await using Side side = await starting;
                string kubectl = age == "old" ? tools.OldKubectl : tools.NewKubectl;
                await using Lane lane = new(side, age, kubectl, helm, ScriptFolder);
                await lane.RunAsync(statements, progress, stop.Token);
                return (lane.Outcomes, lane.Facts);
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }
}
