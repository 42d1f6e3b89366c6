using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Http;

/// <summary>Finds the service for a request, asks the fault script, and turns refusals into answers.</summary>
internal sealed class Gateway(IReadOnlyList<IGoogleService> services, IdentityStore identities, CallJournal journal, EmulatorOptions options)
{
    private long _calls;

    public async Task HandleAsync(HttpContext http)
    {
        var request = Locate(http);
        if (request is null)
        {
            await GoogleRequest.WriteAsync(http, new Answer(404, new JsonObject
            {
                ["error"] = $"No Google host is named: call {http.Request.Scheme}://{http.Request.Host}/HOST/… with one of HOST = {string.Join(", ", GoogleHosts.All.Order())}",
            }.ToJsonString()));
            return;
        }

        request.Token = identities.FromHeader(request.Header("Authorization"));
        var method = services.Select(service => service.Resolve(request)).FirstOrDefault(found => found is not null)
            ?? new ApiMethod("unknown", r => r.WriteAsync(new Answer(404, $"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title><p>The requested URL {System.Net.WebUtility.HtmlEncode(r.Path)} was not found on this server.")
            {
                ContentType = "text/html; charset=UTF-8",
            }));
        var call = new ApiCall(Interlocked.Increment(ref _calls), method.Name, request.Verb, request.Path, request.Token?.ClientId ?? "", request.Token?.Principal ?? "",
            method.Target, request.Header("Range") ?? "")
        {
            UploadCommand = request.Header("X-Goog-Upload-Command") ?? "",
        };
        var status = 0;
        try
        {
            status = await HandleAsync(request, method, options.Faults.Judge(call));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client is gone, or the script cut the connection.
        }
        catch (IOException)
        {
            http.Abort(); // Likewise.
        }
        finally
        {
            journal.Add(call, http.RequestAborted.IsCancellationRequested ? 0 : status);
        }
    }

    private async Task<int> HandleAsync(GoogleRequest request, ApiMethod method, Fault? fault)
    {
        var http = request.Http;
        try
        {
            switch (fault)
            {
                case null:
                    break;
                case Fault.Reply reply:
                    throw new AnswerException(reply.Answer);
                case Fault.Cut:
                    http.Abort();
                    return 0;
                case Fault.CutRequest cut:
                    http.Request.Body = new CutRequestBody(http, http.Request.Body, cut.AfterBytes);
                    break;
                case Fault.Delay delay:
                    await Task.Delay(delay.For, options.Time, request.Aborted);
                    break;
                case Fault.Meanwhile meanwhile:
                    meanwhile.Action();
                    break;
                case Fault.Shorten or Fault.WrongTotal:
                    http.Features.Set(fault);
                    break;
                default:
                    http.Response.Body = new FaultedBody(http, http.Response.Body, fault, options.Time);
                    break;
            }

            await method.HandleAsync(request);
        }
        catch (AnswerException refusal)
        {
            await request.WriteAsync(refusal.Answer);
        }
        catch (Exception e) when (e is FormatException || (e is InvalidOperationException and not ObjectDisposedException && e.Source == "System.Text.Json"))
        {
            // a value of the wrong kind in the request
            await request.WriteAsync(PhotosAnswers.InvalidArgument(e.Message));
        }

        return http.Response.StatusCode;
    }

    private static GoogleRequest? Locate(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        var host = http.Request.Host.Host;
        if (GoogleHosts.All.Contains(host))
        {
            return new GoogleRequest(http, Canonical(host), path, byPath: false);
        }

        var end = path.IndexOf('/', 1);
        var first = end < 0 ? path[1..] : path[1..end];
        return GoogleHosts.All.Contains(first) ? new GoogleRequest(http, Canonical(first), end < 0 ? "/" : path[end..], byPath: true) : null;
    }

    private static string Canonical(string host)
    {
        var lower = host.ToLowerInvariant();
        return lower.EndsWith(".googleusercontent.com", StringComparison.Ordinal) ? GoogleHosts.UserContent : lower;
    }
}
