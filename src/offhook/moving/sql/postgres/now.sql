SELECT offhook_now(NULL)
