using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Identity;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;

namespace Ote.Cluster.Handling;

/// <summary>
/// The root's side of exchanging the tree's CA. An operator's wish stands in ConfigMap <c>ote-system/ote-ca-rollover</c>, and so does how far
/// it has come. Each step is on disk before it is told, and each wish is carried out once: its id is written with the step.
/// </summary>
internal sealed class Rollover : IDisposable
{
    /// <summary>The object's name.</summary>
    public const string ConfigMap = "ote-ca-rollover";

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);
    private readonly KubeClient _api;
    private readonly RootAuthorities _authorities;
    private readonly TrustKeeper _trust;
    private readonly Revoker _revoker;
    private readonly RevocationKeeper _revocations;
    private readonly RouteKeeper _routes;
    private readonly Func<CancellationToken, Task> _publishPin;
    private readonly TimeSpan _grace;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Informer _informer;
    private readonly WorkQueue<string> _queue;

    public Rollover(
        KubeClient api, RootAuthorities authorities, TrustKeeper trust, Revoker revoker, RevocationKeeper revocations, RouteKeeper routes, Func<CancellationToken, Task> publishPin,
        TimeSpan grace, TimeProvider time, Func<double> random, ILogger log)
    {
        (_api, _authorities, _trust, _revoker, _revocations, _routes, _publishPin, _grace, _time, _log) =
            (api, authorities, trust, revoker, revocations, routes, publishPin, grace, time, log);
        _queue = new WorkQueue<string>(time, random);
        _informer = new Informer(api, Kinds.ConfigMaps, ClusterController.SystemNamespace, new ListQuery(FieldSelector: $"metadata.name={ConfigMap}"), time, random, log);
        _informer.Changed += (_, _) => _queue.Add(ConfigMap);
    }

    /// <summary>Acts on wishes until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        // A step that was on disk when the last run ended may not have been told.
        await TellAsync(stop).ConfigureAwait(false);
        var watching = _informer.RunAsync(stop);
        await _informer.Synced.WaitAsync(stop).ConfigureAwait(false);
        _queue.Add(ConfigMap);
        await new Reconciler("CA rollover", _queue, (_, ct) => ReconcileAsync(ct), 1, _log).RunAsync(stop).ConfigureAwait(false);
        await watching.ConfigureAwait(false);
    }

    public void Dispose() => _queue.Dispose();

    private async Task<Next> ReconcileAsync(CancellationToken ct)
    {
        var obj = _informer.Get($"{ClusterController.SystemNamespace}/{ConfigMap}");
        var progress = Progress();
        if (RolloverDecision.Unasked(_authorities.Phase, progress, _authorities.Until, _time.GetUtcNow()) is var due and not RolloverStep.Nothing)
        {
            await TakeAsync(due, _authorities.Request, ct).ConfigureAwait(false);
            progress = Progress(); // who has renewed is counted against the CA that issues now
        }

        string? answer = null;
        var request = obj.Text("data", "request") ?? "";
        if (request.Length > 0 && request != obj.Text("data", "answered"))
        {
            if (!IdentityRules.IsUid(request))
            {
                answer = "refused: the request's id is not 1 to 64 letters, digits and '-'";
            }
            else if (!_authorities.CanExchange)
            {
                answer = "refused: the replicas of this root share one CA, which is not exchanged while there are several; run one root with a data directory of its own";
            }
            else if (request == _authorities.Request)
            {
                answer = "done"; // by a run that ended before it could say so
            }
            else
            {
                var (step, said) = RolloverDecision.Wish(_authorities.Phase, obj.Text("data", "wish") ?? "", obj.Text("data", "force") == "true", progress, _authorities.Until);
                if (step == RolloverStep.Finish && _authorities.Phase == RolloverPhase.Renewing && _routes.Self.Authority != TrustKeeper.Mark(_authorities.Active.Authority))
                {
                    return Next.After(Look); // the own certificate is about to be renewed; without it nobody could attach
                }

                await TakeAsync(step, request, ct).ConfigureAwait(false);
                answer = said;
            }
        }

        if (obj is not null)
        {
            await ShowAsync(obj, answer is null ? null : (request, answer), ct).ConfigureAwait(false);
        }

        return _authorities.Phase == RolloverPhase.None ? Next.Done : Next.After(Look);
    }

    private async Task TakeAsync(RolloverStep step, string request, CancellationToken ct)
    {
        switch (step)
        {
            case RolloverStep.Start:
                _authorities.Start(request);
                break;
            case RolloverStep.Switch:
                _authorities.Switch(request);
                break;
            case RolloverStep.Finish:
                _authorities.Finish(_grace, request);
                break;
            case RolloverStep.Forget:
                _authorities.ForgetOther();
                break;
            default:
                return;
        }

        _log.RolloverStep(_authorities.Phase.ToString(), _authorities.Active.Pin.ToString());
        await TellAsync(ct).ConfigureAwait(false);
    }

    private async Task TellAsync(CancellationToken ct)
    {
        if (_authorities.Trust.Version == 0)
        {
            return;
        }

        // First the CAs, then what they have signed.
        await _trust.PutAsync(_authorities.Trust).ConfigureAwait(false);
        await _revoker.ResignAsync().ConfigureAwait(false);
        await _publishPin(ct).ConfigureAwait(false);
    }

    private RolloverProgress Progress()
    {
        var version = _authorities.Trust.Version;
        var mark = TrustKeeper.Mark(_authorities.Active.Authority);
        var below = _routes.Read(t => t.Below.ToArray()).Where(e => !_revocations.Current.Contains(e.Uid)).OrderBy(e => e.Name, StringComparer.Ordinal).ToArray();
        return new RolloverProgress(below.Length, [.. below.Where(e => e.Trust < version).Select(e => e.Name)], [.. below.Where(e => e.Authority != mark).Select(e => e.Name)]);
    }

    private async Task ShowAsync(JsonObject obj, (string Request, string Answer)? answered, CancellationToken ct)
    {
        var progress = Progress();
        var next = obj.Copy();
        var data = next.Child("data");
        data["phase"] = _authorities.Phase.ToString();
        data["clusters"] = progress.Clusters.ToString(CultureInfo.InvariantCulture);
        data["trusting"] = (progress.Clusters - progress.NotTrusting.Count).ToString(CultureInfo.InvariantCulture);
        data["notTrusting"] = RolloverDecision.Names(progress.NotTrusting);
        data["renewed"] = (progress.Clusters - progress.NotRenewed.Count).ToString(CultureInfo.InvariantCulture);
        data["notRenewed"] = RolloverDecision.Names(progress.NotRenewed);
        data["issuing"] = _authorities.Active.Pin.ToString();
        data["other"] = _authorities.Other?.Pin.ToString() ?? "";
        data["until"] = _authorities.Phase == RolloverPhase.Finished ? _authorities.Until.ToKubeTime() : "";
        if (answered is { } said)
        {
            (data["answered"], data["answer"]) = (said.Request, said.Answer);
        }

        if (!JsonNode.DeepEquals(obj, next))
        {
            await _api.ReplaceAsync(Kinds.ConfigMaps, next, ct).ConfigureAwait(false);
        }
    }
}
