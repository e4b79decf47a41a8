using System.CommandLine;
using Ote.Cli;
using Ote.Conformance;
using Ote.Conformance.Reviewing;
using Ote.Conformance.Statements;

Option<string?> only = new("--only") { Description = "One section of the script; otherwise all", HelpName = "SECTION" };
Option<string?> kubectl = new("--kubectl") { Description = "old (v1.20) or new; otherwise both" };
kubectl.AcceptOnlyFromAmong("old", "new");
Option<string?> json = new("-o") { Description = "json: one object as the last line" };
json.AcceptOnlyFromAmong("json");
RootCommand root = new("Runs the same kubectl and helm commands at a real kube-apiserver and at the embedded server and compares; docs/reference/conformance.md") { only, kubectl, json };
root.SetAction(async (parsed, ct) =>
{
    IReadOnlyList<Statement> script = StatementReader.ReadAll(ConformanceRun.ScriptFolder);
    IReadOnlyList<Statement> chosen = parsed.GetValue(only) is { } section ? [.. script.Where(statement => statement.Section == section)] : script;
    if (chosen.Count == 0)
    {
        await Console.Error.WriteLineAsync($"conformance: there is no section '{parsed.GetValue(only)}'; there are {string.Join(", ", script.Select(s => s.Section).Distinct())}");
        return Executable.Usage;
    }
    IReadOnlyList<string> ages = parsed.GetValue(kubectl) is { } age ? [age] : ConformanceRun.Ages;
    bool renews = Environment.GetEnvironmentVariable("OTE_UPDATE_REVIEWED") == "1";
    try
    {
        ReviewedList reviewed = ReviewedList.Read(await File.ReadAllTextAsync(ConformanceRun.ReviewedFile, ct), unexplained: renews);
        Report report = await ConformanceRun.RunAsync(chosen, ages, reviewed, line => Console.Error.WriteLine(line), ct);
        report.Write(Console.Out);
        foreach (string slow in report.SlowestCommands())
            await Console.Error.WriteLineAsync(slow);
        if (renews && chosen.Count == script.Count && ages.Count == ConformanceRun.Ages.Count)
            await File.WriteAllTextAsync(ConformanceRun.ReviewedFile, reviewed.Renewed([.. report.Comparisons.Select(c => (c.Statement.Name, c.Age, c.Difference))]), ct);
        if (parsed.GetValue(json) is not null)
            Console.Out.WriteLine(report.ToJson().ToJsonString());
        return report.Count(Verdict.Different) == 0 ? 0 : 1;
    }
    catch (Exception error) when (error is InvalidOperationException or FormatException)
    {
        await Console.Error.WriteLineAsync($"conformance: {error.Message}");
        return 1;
    }
});
return await Executable.RunAsync(root, "./ote conformance", args, new InvocationConfiguration(), CancellationToken.None);
