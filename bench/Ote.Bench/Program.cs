using System.CommandLine;
using Ote.Bench;
using Ote.Bench.Access;
using Ote.Bench.Crash;
using Ote.Bench.EdgeHub;
using Ote.Bench.Load;
using Ote.Bench.Loss;
using Ote.Bench.Mirror;
using Ote.Bench.Recovery;
using Ote.Bench.Serve;
using Ote.Bench.Simulate;
using Ote.Bench.Store;

switch (args)
{
    // The roles of child processes; hidden from the help.
    case ["load"]:
        return await LoadProgram.RunAsync();
    case ["serve"]:
        return await ServeProgram.RunAsync();
    case ["watch"]:
        return await WatchProgram.RunAsync();
    case ["hop"]:
        return await HopProgram.RunAsync();
    case ["nothing"]:
        await Console.Out.WriteLineAsync("ready");
        await Console.In.ReadToEndAsync();
        return 0;
    // Brings the document's table up to bench/results; measures nothing.
    case ["table"]:
        FiguresTable.Update(Repository.Find() ?? throw new InvalidOperationException("this was not built in a working copy"));
        return 0;
}

var limit = TimeSpan.FromMinutes(30);
var json = new Option<string?>("-o") { Description = "json: one object as the last line; otherwise a table" };
json.AcceptOnlyFromAmong("json");
var many = new Option<int[]>("--clusters", "-c") { Description = "How many clusters; several counts may be given", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [Fanout.Reference] };
var one = new Option<int>("--clusters", "-c") { Description = "How many clusters", DefaultValueFactory = _ => Fanout.Reference };
var fan = new Option<int>("--fan") { Description = "Children of each controller, 2 to 20", DefaultValueFactory = _ => 10 };
var depth = new Option<int>("--depth") { Description = "Levels below the root, 2 to 3", DefaultValueFactory = _ => 3 };
var virtually = new Option<int>("--clusters", "-c") { Description = "How many clusters", DefaultValueFactory = _ => 100_000 };
var seed = new Option<int>("--seed") { Description = "Of everything random", DefaultValueFactory = _ => 1 };
// 20,000 files a process are the limit of what a count may need.
Within(many, 1, 15_000);
Within(one, 1, 15_000);
Within(virtually, 1000, 200_000);
Within(fan, 2, 20);
Within(depth, 2, 3);
var children = new Option<int>("--children") { Description = "Children of the mid-level controller that is killed", DefaultValueFactory = _ => Fanout.Reference };
Within(children, 10, 5_000);
var pods = new Option<int>("--pods") { Description = "How many pods are stored", DefaultValueFactory = _ => 10_000 };
Within(pods, 1000, 100_000);
var mirrored = new Option<int>("--pods") { Description = "How many pods the clusters have together", DefaultValueFactory = _ => 100_000 };
Within(mirrored, 10_000, 2_000_000);
var rounds = new Option<int>("--rounds") { Description = "How often the server is killed", DefaultValueFactory = _ => 200 };
Within(rounds, 1, 1000);
var part = new Option<string?>("--only") { Description = "One part, of the embedded server alone; takes the place of no former run" };
part.AcceptOnlyFromAmong(StoreBench.Parts.Creates, StoreBench.Parts.Watchers);
var perSecond = new Option<int>("--per-second") { Description = "With --only watchers: changes a second; where they are few, none waits for another", DefaultValueFactory = _ => StoreBench.ChangesPerSecond };
Within(perSecond, 1, 1000);
var siteNodes = new Option<int>("--nodes") { Description = "How many nodes the site has", DefaultValueFactory = _ => 100 };
Within(siteNodes, 2, 100);
var ote = new Option<string?>("--ote") { Description = "The native executable; default: what ./ote publish made" };

var server = new Option<string?>("--server") { Description = "The native executable, measured as a root with its own API; default: the server in a process of this one's code" };
server.Validators.Add(result =>
{
    if (result.Tokens.FirstOrDefault(file => !File.Exists(file.Value)) is { } missing)
    {
        result.AddError($"--server: {missing.Value} is not there; ./ote publish makes it");
    }
});

// `./ote simulate` is a command of its own to who types it.
if (args is ["seeds", "node", .. var node])
{
    return await Ote.Cli.Executable.RunAsync(NodeSeedsCommand.AddTo(new RootCommand(NodeSeedsCommand.Description), json), "./ote simulate node", node, new InvocationConfiguration(), CancellationToken.None);
}

if (args is ["seeds", .. var simulation])
{
    return await Ote.Cli.Executable.RunAsync(SeedsCommand.AddTo(new RootCommand(SeedsCommand.Description), json), "./ote simulate", simulation, new InvocationConfiguration(), CancellationToken.None);
}

var benchmarks = new RootCommand("Benchmarks, each figure beside a baseline of the same run; docs/reference/benchmarks.md")
{
    Bench("fanout", "One command to all clusters, every answer back", (a, p, ct) => Fanout.RunAsync(a, p.GetRequiredValue(many), ct), many),
    Bench("join", "All clusters join at once", (a, p, ct) => Join.RunAsync(a, p.GetValue(one), ct), one),
    Bench("idle", "Memory and bytes a second of a link with nothing to do", (a, p, ct) => Idle.RunAsync(a, p.GetValue(one), ct), one),
    Bench("footprint", "Size, start and memory of the native executable", (a, p, ct) => Footprint.RunAsync(a, p.GetValue(ote), ct), ote),
    Bench("tree", "One command through levels of controllers", (a, p, ct) => Levels.RunAsync(a, p.GetValue(fan), p.GetValue(depth), ct), fan, depth),
    Bench("recover", "Parents that are killed, come back, or are cut off without a word", (a, p, ct) => Recover.RunAsync(a, p.GetValue(children), p.GetValue(one), ct), children, one),
    Bench("loss", "Commands over a link that loses packets; as root", (a, _, ct) => LossBench.RunAsync(a, ct)),
    Bench("simulate", "A tree of whole controllers in virtual time in one process: what each costs", (_, p, ct) => Simulated.RunAsync(p.GetValue(virtually), p.GetValue(seed), ct), virtually, seed),
    Bench("store", "The embedded API server beside kube-apiserver and etcd: writes, reads, watches, memory, start", (a, p, ct) => p.GetValue(part) is { } only ? StoreBench.OnlyAsync(a, p.GetValue(server), only, p.GetValue(pods), p.GetValue(perSecond), ct) : StoreBench.RunAsync(a, p.GetValue(server), p.GetValue(pods), ct), server, pods, part, perSecond),
    Bench("mirror", "What clusters report, mirrored: memory, disk, answers, what a cut costs", (a, p, ct) => MirrorBench.RunAsync(a, p.GetValue(mirrored), ct), mirrored),
    Bench("changes", "A thousand clusters in which something changes all the time: how soon the root shows it", (a, _, ct) => SteadyChanges.RunAsync(a, ct)),
    Bench("access", "Live access through three links: time of a request, requests at once, bytes of a large answer", (a, _, ct) => AccessBench.RunAsync(a, ct)),
    Bench("edgehub", "A node's hub before a real kube-apiserver: memory, what passing through costs, lists from its cache", (a, p, ct) => EdgeHubBench.RunAsync(a, p.GetValue(ote), ct), ote),
    Bench("uplink", "A site's nodes with their hubs, and without: bytes between them and a real kube-apiserver", (a, p, ct) => UplinkBench.RunAsync(a, p.GetValue(ote), p.GetValue(siteNodes), ct), ote, siteNodes),
    Bench("reboot", "A real node that is switched off and on: until its last pod is ready, cut off behind its hub and by itself connected; as root", (a, p, ct) => RebootBench.RunAsync(a, p.GetValue(ote), ct), ote),
    Bench("crash", "The embedded API server killed (signal 9) at random moments under load: what it acknowledged, its file, its watchers", (a, p, ct) => CrashBench.RunAsync(a, p.GetValue(rounds), p.GetValue(seed), ct), rounds, seed),
};
return await Ote.Cli.Executable.RunAsync(benchmarks, "./ote bench", args, new InvocationConfiguration(), CancellationToken.None);

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
            Report.Write(name, rows, parsed.GetValue(json) == "json", keeps: !options.Contains(part) || parsed.GetValue(part) is null, around.Time.GetUtcNow(), Console.Out);
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

static void Within(Option option, int least, int most) => option.Validators.Add(result =>
{
    if (result.Tokens.FirstOrDefault(t => !int.TryParse(t.Value, out var n) || n < least || n > most) is { } wrong)
    {
        result.AddError($"{option.Name}: '{wrong.Value}' is no whole number from {least} to {most}");
    }
});
