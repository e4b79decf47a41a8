using System.CommandLine;
using Ote.Bench;
using Ote.Bench.Load;

if (args is ["load"])
{
    return await LoadProgram.RunAsync(Console.In, Console.Out);
}

var limit = TimeSpan.FromMinutes(5);
var json = new Option<string?>("-o") { Description = "json: one object as the last line; otherwise a table" };
json.AcceptOnlyFromAmong("json");
var clusters = new Option<int[]>("--clusters", "-c") { Description = "How many clusters; may be repeated", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [Fanout.Reference] };
clusters.Validators.Add(result =>
{
    if (result.Tokens.Any(t => !int.TryParse(t.Value, out var n) || n is < 1 or > 15_000))
    {
        result.AddError("--clusters: 1 to 15000, the files that one process may open");
    }
});

Command Bench(string name, string description, Func<Surroundings, ParseResult, CancellationToken, Task<IReadOnlyList<Row>>> run, params Option[] options)
{
    var command = new Command(name, description) { json };
    foreach (var option in options)
    {
        command.Add(option);
    }

    command.SetAction(async (parsed, cancel) =>
    {
        using var around = new Surroundings();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        stop.CancelAfter(limit);
        try
        {
            var rows = await run(around, parsed, stop.Token);
            Report.Write(name, rows, parsed.GetValue(json) == "json", around.Time.GetUtcNow(), Console.Out);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"bench {name}: not done within {limit.TotalMinutes} minutes; ask for fewer clusters, or run it on an idle machine");
        }
        catch (BenchException failed)
        {
            await Console.Error.WriteLineAsync($"bench {name}: {failed.Message}");
        }

        return 1;
    });
    return command;
}

return await new RootCommand("Benchmarks, each figure beside a baseline of the same run; docs/reference/benchmarks.md")
{
    Bench("fanout", "One command to all clusters, every answer back", (a, p, ct) => Fanout.RunAsync(a, p.GetRequiredValue(clusters), ct), clusters),
}.Parse(args).InvokeAsync();
