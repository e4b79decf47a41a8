using System.CommandLine;
using System.Globalization;
using Ote.Controllers.EdgeNodes;
using Ote.Roles.Hosting;

namespace Ote.Roles.EdgeController;

/// <summary>When a node that is not heard is looked after: in time, or Kubernetes has given it up by then, and nothing that is done afterwards keeps its pods.</summary>
internal sealed class EdgeControllerTimes
{
    /// <summary>A kubelet renews its lease every 10 s: less would take any for silent.</summary>
    private static readonly TimeSpan LeastSilence = TimeSpan.FromSeconds(11);

    private static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UsualGrace = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan MostGrace = TimeSpan.FromDays(1);

    /// <summary>A look may fail once before the node is given up.</summary>
    private const int Looks = 2;

    private readonly Option<string?> _silence = new("--silence")
    {
        Description = "How long a kubelet may be unheard before its site is asked, 11s or more; 22s of a lease of 40s when absent. With twice --interval it is no longer than --node-monitor-grace-period",
    };

    private readonly Option<string?> _interval = new("--interval") { Description = "Between two looks at all nodes, 1s or more; 5s when absent" };

    private readonly Option<string?> _grace = new("--node-monitor-grace-period") { Description = "What the controller manager's option of that name is, after which Kubernetes gives a node up; 40s when absent. Changes nothing there" };

    public void AddTo(Command command)
    {
        command.Add(_silence);
        command.Add(_interval);
        command.Add(_grace);
    }

    /// <summary>The controller's options.</summary>
    /// <param name="parsed">The command line.</param>
    /// <exception cref="RoleException">What is wrong with them, and what to give.</exception>
    public EdgeNodeControllerOptions Read(ParseResult parsed)
    {
        var options = new EdgeNodeControllerOptions { Silence = CommonOptions.Duration(parsed, _silence) };
        options = options with { Interval = CommonOptions.Duration(parsed, _interval) ?? options.Interval };
        var (silence, interval, grace) = (options.Silence ?? EdgeNodeRules.Silence, options.Interval, CommonOptions.Duration(parsed, _grace) ?? UsualGrace);
        if (silence < LeastSilence)
        {
            throw new RoleException($"{_silence.Name}: {Text(silence)} is too short, a kubelet is heard every 10s; give {Text(LeastSilence)} or more");
        }

        if (interval < LeastInterval)
        {
            throw new RoleException($"{_interval.Name}: {Text(interval)} is too short to look at all nodes; give {Text(LeastInterval)} or more");
        }

        if (grace > MostGrace || grace < LeastSilence + (Looks * LeastInterval))
        {
            throw new RoleException($"{_grace.Name}: {Text(grace)} is not between {Text(LeastSilence + (Looks * LeastInterval))} and 1d; give what the controller manager has, which is 40s where it is not told (50s from Kubernetes 1.32)");
        }

        if (silence + (Looks * interval) > grace)
        {
            var (mostSilence, mostInterval) = (grace - (Looks * interval), (grace - silence) / Looks);
            var wrong = mostSilence >= LeastSilence && (options.Silence is not null || mostInterval < LeastInterval) ? $"{_silence.Name}: {Text(silence)} is too long: give {Text(mostSilence)} or less"
                : mostInterval >= LeastInterval ? $"{_interval.Name}: {Text(interval)} is too long: give {Text(mostInterval)} or less"
                : $"{_silence.Name}: {Text(silence)} is too long: give less, and less than {Text(interval)} for {_interval.Name}";
            throw new RoleException(
                $"{wrong}, since {_silence.Name} ({Text(silence)}) and two looks ({_interval.Name} {Text(interval)}) have to be over before Kubernetes gives a node up ({Text(grace)}; {_grace.Name} says so where the controller manager has another)");
        }

        return options;
    }

    private static string Text(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(time.TotalSeconds):0}s");
}
