using System.Text.Json.Nodes;
using Ote.Conformance.Comparing;
using Ote.Conformance.Statements;
using Ote.Kube.Objects;
using Ote.Testing.Kubernetes;

namespace Ote.Conformance.Running;

/// <summary>
/// One kubectl at one server: runs the sections one after another, each in a folder and with a default namespace of its own. A server
/// belongs to one lane, so that what is there depends on the script alone.
/// </summary>
internal sealed class Lane(Side side, string age, string kubectl, string helm, string scriptFolder) : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    // What watches is taken to watch when its first line is out, or after this time.
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(3);
    private const string Context = "conformance";
    private readonly Scratch _scratch = new("lane");
    private readonly Dictionary<string, CommandOutcome> _outcomes = new(StringComparer.Ordinal);

    /// <summary>The kubectl's age, <c>old</c> or <c>new</c>.</summary>
    public string Age => age;

    /// <summary>What is this lane's alone and must not count as a difference; known once it has run.</summary>
    public LaneFacts Facts { get; private set; } = null!;

    /// <summary>What each command left, by <see cref="Statement.Name"/>.</summary>
    public IReadOnlyDictionary<string, CommandOutcome> Outcomes => _outcomes;

    /// <summary>Runs the statements that are this age's.</summary>
    /// <exception cref="InvalidOperationException">A preparation failed; the message holds what it said.</exception>
    public async Task RunAsync(IReadOnlyList<Statement> statements, Action<string> progress, CancellationToken ct)
    {
        JsonObject kubeconfig = Yaml.ReadObject(await File.ReadAllTextAsync(side.Kubeconfig, ct));
        string server = kubeconfig["clusters"]![0]!["cluster"]!["server"]!.GetValue<string>();
        DateTimeOffset began = TimeProvider.System.GetUtcNow();
        Directory.CreateDirectory(_scratch["bin"]);
        File.CreateSymbolicLink(_scratch["bin/kubectl"], kubectl);
        File.CreateSymbolicLink(_scratch["bin/helm"], helm);
        // Names of the two kubeconfigs are told by some commands and mean nothing.
        foreach (string list in (string[])["clusters", "users", "contexts"])
            kubeconfig[list]![0]!["name"] = Context;
        foreach (string what in (string[])["cluster", "user"])
            kubeconfig["contexts"]![0]!["context"]![what] = Context;
        kubeconfig["current-context"] = Context;
        List<IGrouping<string, Statement>> sections = [.. statements.Where(statement => statement.Runs(age)).GroupBy(statement => statement.Section)];
        await CreateNamespacesAsync(sections.Select(section => section.Key), ct);
        foreach (IGrouping<string, Statement> section in sections)
        {
            progress($"{side.Name} server, {age} kubectl: {section.Key}");
            kubeconfig["contexts"]![0]!["context"]!["namespace"] = section.Key;
            string folder = Directory.CreateDirectory(_scratch[section.Key]).FullName;
            await File.WriteAllTextAsync(Path.Combine(folder, ".kubeconfig"), kubeconfig.ToJsonString(), ct);
            CopyFolder(Path.Combine(scriptFolder, section.Key), folder);
            await RunSectionAsync([.. section], folder, ct);
        }
        Facts = new LaneFacts(server, _scratch.Path, began, TimeProvider.System.GetUtcNow());
    }

    public ValueTask DisposeAsync()
    {
        _scratch.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task CreateNamespacesAsync(IEnumerable<string> names, CancellationToken ct)
    {
        string all = string.Join("---\n", names.Select(name => $"apiVersion: v1\nkind: Namespace\nmetadata: {"{"}name: {name}{"}"}\n"));
        if (all.Length == 0)
            return; // None of the chosen sections is this kubectl's.
        Kubectl plain = new(kubectl, side.Kubeconfig, _scratch.Path);
        (await plain.RunAsync(["create", "-f", "-"], all, s_limit, ct)).Succeeded();
    }

    private async Task RunSectionAsync(IReadOnlyList<Statement> statements, string folder, CancellationToken ct)
    {
        List<(Statement Statement, ShellCommand Command, long Began)> background = [];
        foreach (Statement statement in statements)
        {
            if (statement.Kind == StatementKind.Wait)
            {
                foreach ((Statement started, ShellCommand running, long at) in background)
                    await NoteAsync(started, running, at);
                background.Clear();
                continue;
            }
            long began = TimeProvider.System.GetTimestamp();
            ShellCommand command = ShellCommand.Start(statement.Shell, folder, Environment(folder), statement.Lines, s_limit, ct);
            if (statement.Background)
            {
                background.Add((statement, command, began));
                if (statement.Lines > 0)
                    await Task.WhenAny(command.Spoke, Task.Delay(s_silence, TimeProvider.System, ct));
            }
            else if (statement.Kind == StatementKind.Command)
                await NoteAsync(statement, command, began);
            else if (await command.Completion is { ExitCode: not 0 } failed)
                throw new InvalidOperationException($"{statement.Name}\nfailed at the {side.Name} server ({age} kubectl) with {failed.ExitCode}:\n{failed.Out}{failed.Error}");
        }
        if (background.Count > 0)
            throw new InvalidOperationException($"section {background[0].Statement.Section} leaves '{background[0].Statement.Title}' in the background; end it with a line 'wait'");
    }

    private async Task NoteAsync(Statement statement, ShellCommand command, long began)
    {
        CommandOutcome outcome = await command.Completion;
        _outcomes[statement.Name] = outcome with { Took = TimeProvider.System.GetElapsedTime(began) };
    }

    private Dictionary<string, string> Environment(string folder) => new()
    {
        ["PATH"] = $"{_scratch["bin"]}:{System.Environment.GetEnvironmentVariable("PATH")}",
        ["HOME"] = _scratch.Path,
        ["KUBECACHEDIR"] = _scratch["cache"],
        ["KUBECONFIG"] = Path.Combine(folder, ".kubeconfig"),
        ["TMPDIR"] = folder,
        ["LC_ALL"] = "C.UTF-8",
        ["COLUMNS"] = "200",
    };

    /// <summary>What a section brings beside its script, such as a chart; most bring nothing.</summary>
    private static void CopyFolder(string from, string to)
    {
        if (!Directory.Exists(from))
            return;
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
